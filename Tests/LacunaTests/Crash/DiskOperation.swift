@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// One operation on a store's files.
struct DiskOperation: Equatable, Sendable, CustomStringConvertible {
    enum Kind: Sendable, CaseIterable {
        // The first ones are in the order of the test VFS.
        case create, write, sync, truncate, unlink, open, read, allocate, punch, syncDirectory, rename, writeback

        var changesFiles: Bool { self != .open && self != .read && self != .writeback }
    }

    let kind: Kind
    /// The file's name in the store's directory; `..` for the directory's parent.
    let name: String
    /// The new name of a renamed file.
    var newName = ""
    let isSQLite: Bool

    var isOnDataFile: Bool { StorePaths.generation(ofDataFile: name) != nil }
    var isOnLog: Bool { name == StorePaths.indexName + "-wal" }
    var description: String { "\(kind) \(name)" }
}

/// A fault: after the first `skipping` operations that match, the next `times` ones fail.
struct DiskFault: Sendable {
    var errno: Int32 = EIO
    var skipping = 0
    var times = 1
    /// Whether the bytes of a failed sync have reached the disk nevertheless. Nobody can know, so the store must work
    /// in both cases.
    var reachesDisk = false
    var matches: @Sendable (DiskOperation) -> Bool = { _ in true }
}

/// The progress of a workload: the last acknowledged state, and the state that the call under way makes.
struct Progress: Equatable, Sendable {
    var acknowledged = -1
    var inFlight: Int?

    /// The states that the store may be in.
    var allowed: [Int] { [acknowledged, inFlight ?? acknowledged].filter { $0 >= 0 } }
}

/// The disk at one moment, and the workload's progress by then.
struct Moment: Sendable {
    let model: DiskModel
    /// The number of operations before it.
    let operation: Int
    let progress: Progress
}
