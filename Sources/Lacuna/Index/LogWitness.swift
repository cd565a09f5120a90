/// The mark and the rows beside an index: they are asked before its log is believed.
package struct LogWitness {
    let paths: StorePaths
    let fileSystem: any FileSystem
    /// Whether nobody wants to know any more: a log may be long.
    let isCancelled: () -> Bool

    init(
        _ paths: StorePaths,
        _ fileSystem: any FileSystem,
        isCancelled: @escaping () -> Bool
    ) {
        self.paths = paths
        self.fileSystem = fileSystem
        self.isCancelled = isCancelled
    }

    func mark() throws(VectorStoreError) -> CommitMark? { try CommitMark.read(paths, fileSystem) }

    /// The record's data file; nil where there is none that belongs to it, which others will say.
    func dataFile(_ record: StoreRecord) -> DataFile? {
        guard let file = try? DataFile.open(record.dataFile, in: paths.directory, .read, fileSystem),
            file.header == record.header
        else { return nil }
        return file
    }
}

extension CommitMark.Database {
    /// From this offset of the record's file on, rows may be named by the log alone.
    func firstRowOfLog(_ record: StoreRecord) -> Int64 {
        let first = generation == record.generation ? offset : DataFileHeader.length
        return min(max(first, DataFileHeader.length), record.nextOffset)
    }
}

extension StoreIndex {
    private static let checkedRows = 1 << 16

    /// Throws `damaged`, with the ids, for rows at `first` or beyond that don't match their checksums. What can't be read
    /// proves nothing. O(rows of the index) time, unless there is no such row, and bounded memory.
    func checkRows(
        of file: DataFile,
        _ record: StoreRecord,
        from first: Int64,
        isCancelled: () -> Bool = { false }
    ) throws(VectorStoreError) {
        if first >= record.nextOffset { return }
        var rows: [LiveRow] = []
        var bad: [String] = []
        var buffer = [UInt8](repeating: 0, count: Int(record.stride))
        func check() throws(VectorStoreError) {
            if isCancelled() { throw VectorStoreError(.cancelled, "opening was cancelled; open the store again") }
            // Neighbours in the file one after the other.
            rows.sort { $0.entry.offset < $1.entry.offset }
            for row in rows where try !matches(row, file, &buffer) { bad.append(row.id.idText) }
            rows.removeAll(keepingCapacity: true)
        }
        try connection.forEach(
            "SELECT id, offset, checksum FROM vectors WHERE generation = ?1 AND offset BETWEEN ?2 AND ?3",
            [.integer(record.generation), .integer(first), .integer(record.nextOffset - record.stride)]
        ) { row throws(VectorStoreError) in
            rows.append(LiveRow(id: try row.id(0), entry: try row.entry(at: 1)))
            if rows.count == Self.checkedRows { try check() }
        }
        try check()
        if bad.isEmpty { return }
        throw .rowsOfLogAreMissing(bad)
    }

    private func matches(
        _ row: LiveRow,
        _ file: DataFile,
        _ buffer: inout [UInt8]
    ) throws(VectorStoreError) -> Bool {
        var span = buffer.mutableSpan
        do throws(VectorStoreError) {
            try unsafe span.withUnsafeMutableBytes { bytes throws(VectorStoreError) in
                try unsafe file.read(into: bytes, at: row.entry.offset)
            }
        } catch {
            guard error.code == .ioError else { throw error }
            return true
        }
        var checksum = Checksum()
        unsafe buffer.withUnsafeBytes { unsafe checksum.update($0) }
        return row.id.checksum(continuing: checksum) == row.entry.checksum
    }
}
