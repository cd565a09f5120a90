import ArgumentParser
import LacunaFormats

/// The options of an export to a database.
struct DatabaseOptions: ParsableArguments {
    @Option(help: ArgumentHelp("For sqlite and postgres: the table's name; vectors by default.", valueName: "name"))
    var table: String?

    @Flag(help: "For postgres: bring the table that an earlier export has made up to date, in one transaction.")
    var sync = false

    @Option(
        help: ArgumentHelp(
            "For postgres: hnsw (default, up to 2,000 dimensions), half (HNSW on float16, up to 4,000) or none.",
            valueName: "kind"
        )
    )
    var index: PostgresTable.VectorIndex?

    func check(_ format: RowFormat) throws(CommandError) {
        if format.name != "postgres" {
            if sync { throw .usage("--sync goes with --to postgres", remedy: "leave it out") }
            if index != nil { throw .usage("--index goes with --to postgres", remedy: "leave it out") }
        }
        guard let table else { return }
        if format.name != "postgres" && format.name != "sqlite" {
            throw .usage("--table goes with --to sqlite and --to postgres", remedy: "leave it out")
        }
        if format.name == "sqlite" && table.lowercased().hasPrefix("sqlite_") {
            throw .usage("SQLite keeps names that begin with sqlite_ for itself", remedy: "choose another one")
        }
        guard (1...PostgresTable.maximumNameBytes).contains(table.utf8.count) else {
            throw .usage(
                "the name of the table has \(table.utf8.count) bytes",
                remedy: "give one of 1 to \(PostgresTable.maximumNameBytes) bytes"
            )
        }
    }

    private static let defaultTable = "vectors"

    func options(for description: ExportDescription) -> RowWriterOptions {
        RowWriterOptions(
            description,
            table: table ?? Self.defaultTable,
            index: index ?? .hnsw,
            action: sync ? .sync : .create
        )
    }
}

extension PostgresTable.VectorIndex: ExpressibleByArgument {}
