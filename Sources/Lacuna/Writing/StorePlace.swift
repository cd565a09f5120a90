/// What tells whether a handle's files are still those of the store at its path. Names are looked at, nothing is opened.
///
/// Somebody may have moved the directory and put another store in its place, or have put a backup's files over this one's: what
/// is written then goes to files that have no name any more, or have two.
struct StorePlace {
    private let directory: Directory
    private let lock: FileLock
    private let index: FileIdentity?
    private let log: FileIdentity?

    /// Of a store whose index has been read: the log has its name since then, and both keep their files for as long as a
    /// connection is open.
    init(_ directory: Directory, _ lock: FileLock) throws(VectorStoreError) {
        self.directory = directory
        self.lock = lock
        index = try mapped(directory.status(StorePaths.indexName))?.identity
        log = try mapped(directory.status(StorePaths.logName))?.identity
    }

    /// - Throws: `moved`, or `readOnly` where a file has a second name.
    func check(_ file: DataFile?) throws(VectorStoreError) {
        guard directory.isAtItsPath else { throw .moved(directory) }
        let names = [(StorePaths.indexName, index), (StorePaths.logName, log)]
        for (name, identity) in names {
            let status = try mapped(directory.status(name))
            guard status?.identity == identity else { throw .moved(directory, name) }
            if let status { try checkLinks(status, name) }
        }
        try checkOpen(try mapped(FileStatus.of(lock.descriptor)), StorePaths.writerLockName)
        if let file { try checkOpen(file.status(), file.name) }
    }

    private func checkOpen(_ status: FileStatus, _ name: String) throws(VectorStoreError) {
        if status.links == 0 { throw .moved(directory, name) }
        try checkLinks(status, name)
    }

    private func checkLinks(_ status: FileStatus, _ name: String) throws(VectorStoreError) {
        if status.links <= 1 { return }
        throw VectorStoreError(
            .readOnly,
            "\(directory.path(name)) has \(status.links) names (hard links), and a write would change what all of them name; "
                + "copy the store with `cp -a`, and write to the copy"
        )
    }
}
