import LacunaFormats

/// The rows of an import, one after the other, with their ids.
struct ImportedRows<ID: CommandID> {
    private let ahead: RowsAhead
    private let source: String
    private var ids: ImportedIDs<ID>
    private var batch = RowBatch()
    /// The position of the current row in `batch`.
    private var row = -1
    private var hasEnded = false

    init(_ ahead: RowsAhead, _ ids: ImportedIDs<ID>, of source: String) {
        self.ahead = ahead
        self.ids = ids
        self.source = source
    }

    /// Whether there is another row after the current one. It may wait until one is read.
    mutating func hasNext() throws -> Bool {
        if hasEnded || row + 1 < batch.count { return !hasEnded }
        // The batch that was used up gives its memory back.
        let used = batch
        batch = RowBatch()
        row = -1
        guard let next = try ahead.next(used) else {
            hasEnded = true
            return false
        }
        batch = next
        return true
    }

    /// Goes on to the next row, which must be there, and returns its id.
    mutating func next() throws -> ID {
        row += 1
        return try ids.next(batch, row, of: source)
    }

    // MARK: The current row

    var components: [Float] { batch.components }
    var componentRange: Range<Int> { batch.componentRange(of: row) }
    var metadata: String? { batch.metadata[row] }
    var location: String { batch.location(of: row) }
    /// Whether the source has the ids of its rows.
    var haveIDs: Bool { !batch.ids.isEmpty }

    // MARK: After the last row

    /// Throws if there are more ids than rows.
    func checkEnd() throws { try ids.checkEnd(of: source) }

    /// Says, for people, which options the rows made pointless.
    var notes: [String] { ids.notes }
}
