/// Writes rows as comma-separated values (RFC 4180, with line feeds): the id, the vector as a JSON array, and the metadata
/// as a JSON object, which is empty if there are none.
final class CSVRowWriter: ExportWriter {
    private let output: any TextOutput

    init(_ output: any TextOutput) throws {
        self.output = output
        try output.append("id,vector,metadata\n")
    }

    func append(_ row: WrittenRow) throws {
        let id =
            switch row.id {
            case .integer(let integer): String(integer)
            case .string(let string): Self.quoted(string)
            }
        let metadata = row.metadata.map(Self.quoted) ?? ""
        try output.append("\(id),\(Self.quoted(try jsonArray(of: row.vector))),\(metadata)\n")
    }

    func end() throws {}

    private static func quoted(_ text: String) -> String { "\"\(text.doubling(UInt8(ascii: "\"")))\"" }
}

extension RowWriting {
    static let csv = RowWriting(begin: .text { output, _ in try CSVRowWriter(output) })
}
