#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The names inside a store's directory.
package struct StorePaths: Sendable {
    let directory: String

    /// A relative path is resolved now: the process may change its working directory while the store is open.
    init(_ directory: String) {
        guard !directory.isEmpty, !directory.hasPrefix("/"), let working = unsafe getcwd(nil, 0) else {
            self.directory = directory
            return
        }
        self.directory = unsafe String(cString: working) + "/" + directory
        unsafe free(working)
    }

    static let indexName = "index.sqlite"
    static let writerLockName = "writer.lock"
    static let readerLockNames = ["readers-0.lock", "readers-1.lock"]
    static let indexNames = ["", "-wal", "-shm", "-journal"].map { indexName + $0 }
    /// There only while a store is created.
    static let newIndexName = indexName + ".new"
    /// What an interrupted creation may leave besides locks.
    static let unfinishedNames = Set([
        dataFileName(generation: 1), newIndexName, indexName + "-wal", indexName + "-shm",
    ])

    var index: String { path(Self.indexName) }
    var newIndex: String { path(Self.newIndexName) }
    var log: String { path(Self.indexName + "-wal") }
    var sharedMemory: String { path(Self.indexName + "-shm") }
    var writerLock: String { path(Self.writerLockName) }

    func path(_ name: String) -> String { directory + "/" + name }

    /// `vectors-<generation>.f32`
    static func dataFileName(generation: Int64) -> String { "vectors-\(generation).f32" }

    /// The generation in a data file's name; nil for any other name.
    static func generation(ofDataFile name: String) -> Int64? {
        guard name.hasPrefix("vectors-"), name.hasSuffix(".f32"),
            let generation = Int64(name.dropFirst(8).dropLast(4)), generation >= 1
        else { return nil }
        // Only the spelling that we write: not "+1" or "01".
        return dataFileName(generation: generation) == name ? generation : nil
    }

    /// Whether a name in the directory is one that every store has, apart from its data files.
    static func isFixedName(_ name: String) -> Bool {
        name == writerLockName || readerLockNames.contains(name) || indexNames.contains(name)
    }
}
