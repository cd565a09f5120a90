/// Writes rows as lines of JSON.
final class JSONLinesRowWriter: ExportWriter {
    private let output: any TextOutput

    init(_ output: any TextOutput) { self.output = output }

    func append(_ row: WrittenRow) throws {
        try output.append(FullRow.line(idText: row.id.jsonText, vector: row.vector, metadata: row.metadata) + "\n")
    }

    func end() throws {}
}

extension RowWriting {
    static let jsonl = RowWriting(begin: .text { output, _ in JSONLinesRowWriter(output) })
}
