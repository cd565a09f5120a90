import Lacuna
import LacunaFormats

/// A search for a vector and words: `search --match`.
struct FusedSearchCommand {
    let command: SearchCommand
    let words: TextQuery
    let fusion: Fusion

    /// Returns the number of matches.
    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws -> Int {
        let filter = try command.conditions.filter()
        if let file = command.vector { return try search(store, file: file, filter, output) }
        guard let like = command.like.first else {
            return try search(store, try StandardInput.vector(), 0, filter, output)
        }
        let id = try ID(argument: like)
        guard let vector = try store.vector(for: id) else {
            throw CommandError(.no, "no row has the id \(like)", remedy: "`lacuna list` shows the ids there are")
        }
        // The row itself is left out.
        let others: Filter = "id <> \(id)"
        return try search(store, vector, 0, filter.map { $0 && others } ?? others, output)
    }

    private func search<ID: CommandID>(
        _ store: VectorStore<ID>,
        file: String,
        _ filter: Filter?,
        _ output: StandardOutput
    ) throws -> Int {
        let reader = try command.reader(of: file, for: store)
        if let row = command.row { return try search(store, try reader.row(row), 0, filter, output) }
        var found = 0
        for row in 0..<reader.rows {
            try Interrupts.check()
            found += try search(store, try reader.row(row), row, filter, output)
        }
        return found
    }

    private func search<ID: CommandID>(
        _ store: VectorStore<ID>,
        _ vector: [Float],
        _ query: Int,
        _ filter: Filter?,
        _ output: StandardOutput
    ) throws -> Int {
        let found = try store.read { snapshot in
            let matches = try snapshot.search(
                for: vector,
                matching: words,
                fusion: fusion,
                limit: command.limit,
                where: filter
            )
            return try matches.map { ($0, try snapshot.metadataJSON(for: $0.id)) }
        }
        if !command.format.json && !found.isEmpty {
            try command.printHeading(query, output, "rank    score  vector   words  id, metadata")
        }
        let width = found.map(\.0.id.text.count).max() ?? 0
        for (index, (match, metadata)) in found.enumerated() {
            if command.format.json {
                try output.line(json(match, metadata, query, rank: index + 1))
                continue
            }
            let id = match.id.text
            let padded = ID.idKind == .integer ? id.leftPadded(width) : id.padded(width)
            try output.line(
                "\(String(index + 1).leftPadded(4))  \(decimal(match.score, 5).leftPadded(7))  "
                    + "\(rank(match.vectorRank))  \(rank(match.textRank))  \(Terminal.styled(padded, .bold))  "
                    + metadataText(metadata)
            )
        }
        return found.count
    }

    private func rank(_ rank: Int?) -> String { (rank.map { String($0) } ?? "-").leftPadded(6) }

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
