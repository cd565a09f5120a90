import Lacuna
import LacunaFormats

/// A match with what is printed beside it.
struct FoundRow<ID: CommandID> {
    let match: Match<ID>
    let metadata: String?
    let cursor: SearchCursor
}

/// Prints the matches of each query: a line of JSON for each, or a table.
struct SearchPrinter {
    let isJSON: Bool
    /// Whether there are several queries, so that each needs a heading.
    let namesQueries: Bool
    let metadata: MetadataColumns
    let output: StandardOutput

    /// Returns the number of matches.
    func print<ID: CommandID>(_ found: [FoundRow<ID>], _ query: Int) throws -> Int {
        if isJSON {
            for (index, row) in found.enumerated() {
                try output.line(json(row, query, rank: index + 1, isLast: index == found.count - 1))
            }
            return found.count
        }
        let columns = [.number("rank"), .number("distance"), Table.Column(id: ID.self)] + metadata.columns
        try print(found, query, columns) { row, rank in
            [String(rank), decimal(row.match.distance, 5), row.match.id.text] + metadata.cells(row.metadata)
        }
        return found.count
    }

    func print<ID: CommandID>(_ found: [(match: FusedMatch<ID>, metadata: String?)], _ query: Int) throws -> Int {
        if isJSON {
            for (index, row) in found.enumerated() {
                try output.line(json(row.match, row.metadata, query, rank: index + 1))
            }
            return found.count
        }
        let numbers: [Table.Column] = [.number("rank"), .number("score"), .number("vector"), .number("words")]
        try print(found, query, numbers + [Table.Column(id: ID.self)] + metadata.columns) { row, rank in
            [
                String(rank), decimal(row.match.score, 5), row.match.vectorRank.map { String($0) } ?? "-",
                row.match.textRank.map { String($0) } ?? "-", row.match.id.text,
            ] + metadata.cells(row.metadata)
        }
        return found.count
    }

    private func print<Row>(
        _ found: [Row],
        _ query: Int,
        _ columns: [Table.Column],
        cells: (Row, _ rank: Int) -> [String]
    ) throws {
        if namesQueries && !found.isEmpty { try output.line(Terminal.styled("query \(query)", .bold)) }
        let table = Table(columns, output)
        for (index, row) in found.enumerated() { try table.append(cells(row, index + 1)) }
        try table.finish()
    }

    /// The last match of a query has the cursor for the next page.
    private func json<ID: CommandID>(_ row: FoundRow<ID>, _ query: Int, rank: Int, isLast: Bool) -> String {
        let members: [(String, JSONText)] = [
            ("query", JSONText(query)), ("rank", JSONText(rank)), ("id", .raw(row.match.id.jsonText)),
            ("distance", JSONText(row.match.distance)), ("metadata", row.metadata.map(JSONText.raw) ?? .null),
        ]
        return JSONText.object(isLast ? members + [("cursor", JSONText(row.cursor.description))] : members)
    }

    private func json<ID: CommandID>(
        _ match: FusedMatch<ID>,
        _ metadata: String?,
        _ query: Int,
        rank: Int
    ) -> String {
        JSONText.object([
            "query": JSONText(query), "rank": JSONText(rank), "id": .raw(match.id.jsonText),
            "distance": match.distance.map { JSONText($0) } ?? .null, "metadata": metadata.map(JSONText.raw) ?? .null,
            "score": JSONText(match.score), "vector_rank": match.vectorRank.map { JSONText($0) } ?? .null,
            "text_rank": match.textRank.map { JSONText($0) } ?? .null,
            "text_score": match.textScore.map { JSONText($0) } ?? .null,
        ])
    }
}

extension Table.Column {
    static func number(_ title: String) -> Table.Column { Table.Column(title: title, isNumber: true) }

    init<ID: CommandID>(id: ID.Type) {
        self.init(title: "id", isNumber: ID.idKind == .integer, style: .bold)
    }
}
