@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// One operation on a store's files.
struct DiskOperation: Equatable, Sendable, CustomStringConvertible {
    enum Kind: Sendable, CaseIterable {
        // The first ones in the order of the test VFS.
        case create, write, sync, truncate, unlink, open, read, allocate, punch, syncDirectory, rename, writeback

        var changesFiles: Bool { self != .open && self != .read && self != .writeback }
    }

    let kind: Kind
    /// The file's name in the store's directory; `..` for the directory's parent.
    let name: String
    /// What a file is renamed to.
    var newName = ""
    let isSQLite: Bool

    var isOnDataFile: Bool { StorePaths.generation(ofDataFile: name) != nil }
    var isOnLog: Bool { name == StorePaths.indexName + "-wal" }
    var description: String { "\(kind) \(name)" }
}

/// What goes wrong: operations that match fail, after the first `skipping` of them, `times` times.
struct DiskFault: Sendable {
    var errno: Int32 = EIO
    var skipping = 0
    var times = 1
    /// Whether what a failed sync was to write reached the disk nevertheless: nobody can say, so both must do.
    var reachesDisk = false
    var matches: @Sendable (DiskOperation) -> Bool = { _ in true }
}

/// How far a workload was: the last state that a call acknowledged, and the one that a call was on its way to.
struct Progress: Equatable, Sendable {
    var acknowledged = -1
    var inFlight: Int?

    /// The states that the store may be in.
    var allowed: [Int] { [acknowledged, inFlight ?? acknowledged].filter { $0 >= 0 } }
}

/// The disk at one moment, and what the workload had been told by then.
struct Moment: Sendable {
    let model: DiskModel
    /// The number of operations before it.
    let operation: Int
    let progress: Progress
}
