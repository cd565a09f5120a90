/// Checks whether a handle's files are still those of the store at its path. It compares names and opens nothing.
///
/// Somebody may have moved the directory and put another store in its place, or may have put a backup's files over this
/// store's files. Then writes go to files that have no name any more, or another name.
struct StoreIdentity: Sendable {
    private let directory: Directory
    /// The files that must stay the same while a handle is open, by name. SQLite keeps its files open.
    private let files: [(name: String, identity: FileIdentity?)]

    /// Call this for a store whose index was read already: by then the log and its shared memory have their names.
    init(_ directory: Directory, _ lock: FileLock) throws(VectorStoreError) {
        self.directory = directory
        var files = [(StorePaths.writerLockName, try mapped(FileStatus.of(lock.descriptor)).identity as FileIdentity?)]
        for name in StorePaths.indexNames { files.append((name, try mapped(directory.status(name))?.identity)) }
        self.files = files
    }

    /// - Throws: `moved`, or `readOnly` if a file has a second name.
    func check(_ file: DataFile?) throws(VectorStoreError) {
        guard directory.isAtItsPath else { throw .moved(directory) }
        try checkFiles(file)
    }

    /// Checks the files, wherever the directory is.
    func checkFiles(_ file: DataFile?) throws(VectorStoreError) {
        for (name, identity) in files { try check(name, identity) }
        if let file { try check(file.name, file.status().identity) }
    }

    /// If the call failed because its files are no longer the store's, the error says so.
    func explained(_ error: VectorStoreError, _ files: CurrentFile) -> VectorStoreError {
        guard error.mayComeOfMoving else { return error }
        do throws(VectorStoreError) { try check(files.value) } catch let moved {
            if moved.code == .moved { return error.explained(by: moved) }
        }
        return error
    }

    private func check(_ name: String, _ identity: FileIdentity?) throws(VectorStoreError) {
        let status = try mapped(directory.status(name))
        guard status?.identity == identity else { throw .moved(directory, name) }
        if let status, status.links > 1 { throw .hardLinks(directory, name, status.links) }
    }
}
