import Lacuna
import LacunaFormats

/// A search for a vector and words: `search --match`.
struct FusedSearchCommand {
    let command: SearchCommand
    let words: TextQuery
    let fusion: Fusion

    /// Returns the number of matches.
    func run<ID: CommandID>(on store: VectorStore<ID>, _ printer: SearchPrinter) throws -> Int {
        let filter = try command.conditions.filter()
        if let file = command.vector { return try search(store, file: file, filter, printer) }
        guard let like = command.like.first else {
            return try search(store, try StandardInput.vector(), 0, filter, printer)
        }
        let id = try ID(argument: like)
        guard let vector = try store.vector(for: id) else {
            throw CommandError.noSuchRow("no row has the id \(like)")
        }
        // The row itself is left out.
        let others: Filter = "id <> \(id)"
        return try search(store, vector, 0, filter.map { $0 && others } ?? others, printer)
    }

    private func search<ID: CommandID>(
        _ store: VectorStore<ID>,
        file: String,
        _ filter: Filter?,
        _ printer: SearchPrinter
    ) throws -> Int {
        let reader = try command.reader(of: file, for: store)
        if let row = command.row { return try search(store, try reader.row(row), 0, filter, printer) }
        var found = 0
        for row in 0..<reader.rows {
            try Interrupts.check()
            found += try search(store, try reader.row(row), row, filter, printer)
        }
        return found
    }

    private func search<ID: CommandID>(
        _ store: VectorStore<ID>,
        _ vector: [Float],
        _ query: Int,
        _ filter: Filter?,
        _ printer: SearchPrinter
    ) throws -> Int {
        let found = try store.read { snapshot in
            let matches = try snapshot.search(
                for: vector,
                matching: words,
                fusion: fusion,
                limit: command.limit,
                where: filter
            )
            return try matches.map { (match: $0, metadata: try snapshot.metadataJSON(for: $0.id)) }
        }
        return try printer.print(found, query)
    }
}
