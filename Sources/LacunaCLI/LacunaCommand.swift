import ArgumentParser
import Lacuna

/// The root of the command line. It reports only the errors that come before a command is found.
struct LacunaCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "lacuna",
        abstract: "An embedded vector store that gives the space of deleted vectors back.",
        discussion: .help(
            """
            A store is a directory; almost every command takes it first. Data goes to standard output, progress and prose to \
            standard error. Put ids that begin with a minus after `--`.

            Exit status: 0 done; 1 the answer is no; 64 usage; 65 bad input; 66 no such store or file; 73 cannot create; \
            74 I/O error or disk full; 75 busy, or the deadline has passed: try again; 76 damaged or of a newer format; \
            77 permission; 130 or 143 interrupted.
            """,
            examples: [
                "lacuna create my.lacuna --dimension 384",
                "lacuna import my.lacuna sample.npy --metadata sample.jsonl",
                "lacuna search my.lacuna --like 829 --columns name,summary",
                "lacuna help search",
            ]
        ),
        version: "lacuna 0.1.0",
        subcommands: [TortureChildCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Filling",
                subcommands: [CreateCommand.self, ImportCommand.self, PutCommand.self, SetCommand.self]
            ),
            CommandGroup(
                name: "Reading",
                subcommands: [SearchCommand.self, GetCommand.self, ListCommand.self, ExportCommand.self]
            ),
            CommandGroup(
                name: "Deleting",
                subcommands: [DeleteCommand.self, EraseCommand.self, CompactCommand.self]
            ),
            CommandGroup(
                name: "Tuning",
                subcommands: [AccelerateCommand.self, IndexCommand.self, ReembedCommand.self]
            ),
            CommandGroup(
                name: "Maintenance",
                subcommands: [
                    StatsCommand.self, MapCommand.self, ReportCommand.self, VerifyCommand.self, RecoverCommand.self,
                    BackupCommand.self, RestoreCommand.self,
                ]
            ),
            CommandGroup(name: "Other", subcommands: [DemoCommand.self, TortureCommand.self]),
        ]
    )

    mutating func run() throws {
        throw CommandError(
            .usage,
            "no command was given",
            remedy: "choose one below",
            details: LacunaCommand.helpMessage()
        )
    }
}

/// `--where` and `--filter`, for every command that takes a filter.
struct FilterOptions: ParsableArguments {
    @Option(
        name: .customLong("where"),
        parsing: .unconditional,
        help: ArgumentHelp(
            "Take only rows for which this SQL expression over `id` and `metadata` is true.",
            valueName: "sql"
        )
    )
    var sql: String?

    @Option(
        name: .customLong("filter"),
        parsing: .unconditional,
        help: ArgumentHelp(
            #"Take only rows that pass this filter, as {"section": "science", "installed_kib": {"$lt": 500}}."#,
            valueName: "json"
        )
    )
    var json: String?

    var areGiven: Bool { !words.isEmpty }

    /// Whether the filter names no condition, as one that a script has put together from nothing.
    var isEmpty: Bool { sql == nil && json?.filter { !$0.isWhitespace } == "{}" }

    /// What to do if they leave out every row.
    var words: [String] {
        [sql.map { _ in "a wider --where" }, json.map { _ in "a wider --filter" }].compactMap(\.self)
    }

    /// A row must pass both options; nil if neither is given.
    func filter() throws(VectorStoreError) -> Filter? {
        let sql = sql.map { Filter(sql: $0) }
        guard let json else { return sql }
        let filter = try Filter(json: json)
        return sql.map { $0 && filter } ?? filter
    }
}

/// `--json`, for every command that has an answer.
struct JSONOption: ParsableArguments {
    @Flag(help: "Print one JSON object on one line (for several rows, one for each row).")
    var json = false
}
