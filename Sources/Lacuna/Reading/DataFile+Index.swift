extension DataFile {
    /// Throws `damaged`, with the ids of the lost rows, if a file is too short for its index. Without this check, a
    /// crash would reveal it later.
    static func check(
        _ size: Int64,
        holds record: StoreRecord,
        _ index: StoreIndex
    ) throws(VectorStoreError) {
        if size >= record.rowsEnd { return }
        let end = record.layout.slot(at: max(size, DataFileHeader.length))
        let lost = try index.idsOutside(record, end: end).map(\.idText)
        throw .damaged(
            """
            \(record.dataFile) has \(size) bytes, and the index needs \(record.rowsEnd)\
            \(lost.isEmpty ? "" : ": the rows of \(VectorStoreError.list(lost)) are lost")
            """,
            ids: lost
        )
    }
}

extension DataFile.Unusable {
    func asError(_ name: String) -> VectorStoreError {
        switch self {
        case .missing: .damaged("\(name) is missing")
        case .system(let error): VectorStoreError(error)
        case .header(.blank): .damaged("\(name) has no header")
        case .header(.foreign(let why)): .damaged("\(name) is not a data file of this store: \(why)")
        case .header(.newer(let version)):
            VectorStoreError(.newerFormat, "\(name) has format version \(version), and this Lacuna doesn't know it")
        }
    }
}
