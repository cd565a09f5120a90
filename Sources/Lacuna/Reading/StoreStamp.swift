/// Shows whether a commit was made, for readers that don't learn of it from SQLite.
///
/// A commit writes to the log. Before a checkpoint writes to the database, the mark is raised; the log begins anew only
/// after the checkpoint. The log is checked first, so after a commit at least one of the three has changed, whenever
/// they are checked. A writer that has committed nothing, and an empty log that a reader elsewhere has made, don't
/// count as a change.
struct StoreStamp: Sendable {
    private struct File: Equatable {
        let identity: FileIdentity
        let size: Int64
        let modified: Int64

        init?(_ name: String, in directory: Directory) throws(SystemError) {
            guard let status = try directory.status(name), status.size > 0 else { return nil }
            identity = status.identity
            size = status.size
            modified = status.modified
        }
    }

    private let paths: StorePaths
    private let fileSystem: any FileSystem
    private let log: File?
    private let index: File?
    /// The mark is also needed because a database that is written twice within a tick of the file system's clock has
    /// the same time.
    private let mark: CommitMark?

    var hasLog: Bool { log != nil }

    init(_ paths: StorePaths, _ fileSystem: any FileSystem) throws(VectorStoreError) {
        self.paths = paths
        self.fileSystem = fileSystem
        log = try mapped(File(StorePaths.logName, in: paths.directory))
        index = try mapped(File(StorePaths.indexName, in: paths.directory))
        mark = try CommitMark.read(paths, fileSystem)
    }

    func hasMoved() throws(VectorStoreError) -> Bool {
        let now = try StoreStamp(paths, fileSystem)
        return now.log != log || now.index != index || now.mark != mark
    }
}
