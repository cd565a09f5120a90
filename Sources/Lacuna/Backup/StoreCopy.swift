/// Makes a copy of one state of a store in a directory of its own.
///
/// | after | a crash leaves |
/// | --- | --- |
/// | 1. the index is copied under another name, in one read transaction | a directory that is no store |
/// | 2. the data file is copied, while nothing destroys its rows | the same |
/// | 3. its rows are checked, and it is synced | the same |
/// | 4. lock files are made; the mark of the last commit is written and synced | the same |
/// | 5. unfinished journal entries are ended in the index, and the index is synced | the same |
/// | 6. the index gets its name, and the directory is synced | a whole store |
struct StoreCopy {
    let directory: Directory
    let fileSystem: any FileSystem
    let pace: Pace

    /// The number of bytes that are read and written at a time.
    private static let partBytes: Int64 = 1 << 20
    /// The number of bytes that the disk may be writing while the next ones are read.
    private static let unwrittenBytes: Int64 = 8 << 20

    // MARK: The index

    /// Copies the snapshot's database. The copy must then be put in order, closed, and named.
    func copyIndex(_ snapshot: Snapshot) throws -> StoreIndex {
        let connection = try Connection(StorePaths.newIndexName, in: directory, .create)
        // Until the copy has its name, it is thrown away after a crash.
        try connection.run("PRAGMA journal_mode = MEMORY")
        try connection.run("PRAGMA synchronous = OFF")
        try snapshot.index.connection.copy(to: connection) { try pace.check() }
        let index = StoreIndex(connection)
        connection.checkpointsOnClose(true)
        guard try index.isCreated() else { throw VectorStoreError.damaged("the index has no schema") }
        try index.checkForWriting(counting: false)
        return index
    }

    /// Ends the journal entries that were under way when the state was read, and removes stale index rows: their files
    /// are not in the copy.
    func putInOrder(_ index: StoreIndex) throws {
        let generation = try index.record().generation
        try index.connection.transaction { () throws(VectorStoreError) in
            try index.endUnfinished()
            try index.forgetDerivedFiles(generation)
        }
        guard try index.hasStaleRows(current: generation) else { return }
        while try index.connection.transaction({ () throws(VectorStoreError) in
            try index.removeStaleRows(current: generation, limit: MaintenanceLimits().rows)
        }) > 0 { try pace.check() }
        while try index.vacuumSome() { try pace.check() }
    }

    /// Gives the index its name, and the directory its owner, who may change names in it from then on. Makes the name
    /// durable.
    func nameIndex(owner: FileStatus? = nil) throws(SystemError) {
        try fileSystem.rename(StorePaths.newIndexName, to: StorePaths.indexName, in: directory)
        if let owner { SystemFileSystem.giveOwner(of: owner, to: directory.descriptor) }
        if !PlantedBug.copiedNamesNotSynced.isPlanted { try fileSystem.sync(directory) }
    }

    /// Makes the index durable, after its connection is closed; returns the number of its bytes. The file is closed
    /// before it gets its name: after that, another thread may have opened the backup, and closing any descriptor of a
    /// file drops all of the process's POSIX locks on it, SQLite's among them.
    func syncIndex(like model: FileStatus?) throws(SystemError) -> Int64 {
        let descriptor = try fileSystem.open(StorePaths.newIndexName, in: directory, .readWrite)
        defer { fileSystem.close(descriptor) }
        if let model { SystemFileSystem.giveOwner(of: model, to: descriptor) }
        if !PlantedBug.copiedIndexNotSynced.isPlanted { try fileSystem.sync(descriptor) }
        return try FileStatus.of(descriptor).size
    }

    // MARK: The data file

    /// Copies a range of the source's bytes to the same place of another file, without its holes. Returns the number of
    /// bytes copied.
    func copyBytes(_ range: Range<Int64>, from source: DataFile, to target: DataFile) throws -> Int64 {
        var copied: Int64 = 0
        var written = range.lowerBound
        var buffer = [UInt8](repeating: 0, count: Int(min(Self.partBytes, max(1, range.upperBound - range.lowerBound))))
        try source.forEachExtent(in: range) { extent throws in
            for begin in stride(from: extent.lowerBound, to: extent.upperBound, by: Int(Self.partBytes)) {
                let end = min(extent.upperBound, begin + Self.partBytes)
                var span = buffer.mutableSpan
                try unsafe span.withUnsafeMutableBytes { bytes throws(VectorStoreError) in
                    let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<Int(end - begin)])
                    try unsafe source.read(into: part, at: begin)
                    try unsafe target.write(UnsafeRawBufferPointer(part), at: begin)
                }
                target.beginWriteback(begin..<end)
                if begin - Self.unwrittenBytes > written {
                    try target.finishWriteback(written..<begin - Self.unwrittenBytes)
                    written = begin - Self.unwrittenBytes
                }
                copied += end - begin
                let rows = (Int(end - range.lowerBound) / Int(source.stride), Int(range.count) / Int(source.stride))
                try pace.advance(rows.0, of: rows.1, bytes: Int(end - begin), check: pace.check)
            }
        }
        return copied
    }

    /// Checks the rows of the copy, from a slot on, and all metadata, against the checksums in its index.
    ///
    /// - Throws: `damaged`, with the ids.
    func check(_ file: DataFile, from first: Slot, _ index: StoreIndex) throws {
        let record = try index.record()
        let outside = try index.idsOutside(record, end: record.nextSlot).map(\.idText)
        if !outside.isEmpty { throw VectorStoreError.mismatched(outside) }
        var named = RowFingerprint()
        let live = try LiveBitmap.loadChecked(index, record, from: first) { named.add($0, $1) }.live
        let dead = try index.deadSlots(record.generation)
        var told = RowFingerprint()
        var bad: [String] = []
        var deadOnly: [String] = []
        let scan = RowScan(index: index, record: record, file: file, live: live)
        try unsafe scan.forEachBatch(bytes: Int(Self.partBytes)) { rows, checksums, _ in
            for (row, checksum) in zip(rows, checksums) {
                told.add(row.id, row.slot)
                if row.checksum != checksum { bad.append(row.id.idText) }
                if dead.contains(row.slot) { deadOnly.append(row.id.idText) }
            }
            try pace.check()
        }
        if !bad.isEmpty { throw VectorStoreError.mismatched(bad) }
        if !deadOnly.isEmpty {
            let ids = VectorStoreError.list(deadOnly)
            throw VectorStoreError.damaged(
                "the index's table `dead` has the slots of the live rows \(ids)",
                ids: deadOnly
            )
        }
        if told != named { throw try index.contradiction(record, below: record.nextSlot) }
        let metadata = try index.idsWithBadMetadata(record.generation).map(\.idText)
        if !metadata.isEmpty {
            let ids = VectorStoreError.list(metadata)
            throw VectorStoreError.damaged("the metadata of the ids \(ids) don't match their checksums", ids: metadata)
        }
    }

    // MARK: The other files of a store

    func makeLocks(like model: FileStatus?) throws(SystemError) -> FileLock {
        _ = try EpochLocks(directory, creates: true, like: model)
        return try FileLock(StorePaths.writerLockName, in: directory, create: true, like: model)
    }

    /// Writes the mark of the record's commit: from then on an older state of the index is noticed. The mark has no
    /// token; only the mark of a backup that nobody has written to has none.
    func writeMark(_ record: StoreRecord, _ lock: FileLock) throws(VectorStoreError) {
        let keeper = MarkKeeper(StorePaths(directory), record, nil, nil, lock, fileSystem)
        keeper.endCheckpoint(record)
        try keeper.committed { () throws(VectorStoreError) in record }
    }
}
