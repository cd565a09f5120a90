import ArgumentParser
import LacunaPlatform

/// Tells what was meant by a word in the place of a command that is none.
enum Mistyped {
    /// Words that other programs have for our commands.
    private static let synonyms = [
        "add": "import", "load": "import", "insert": "put", "upsert": "put", "new": "create", "init": "create",
        "update": "set", "ls": "list", "show": "get", "query": "search", "find": "search", "dump": "export",
        "rm": "delete", "remove": "delete", "purge": "erase", "vacuum": "compact", "info": "stats", "status": "stats",
        "check": "verify", "fsck": "verify", "repair": "recover", "salvage": "recover", "copy": "backup",
        "clone": "backup", "draw": "map", "tour": "demo",
    ]

    /// The error of a command line whose command doesn't exist; nil if there is none, or if it exists.
    static func command(_ arguments: ArraySlice<String>) -> CommandError? {
        guard let word = arguments.first, !word.hasPrefix("-") else { return nil }
        if word == "help" { return command(arguments.dropFirst()) }
        let configurations = LacunaCommand.configuration.subcommands.map { $0.configuration }
        let all = configurations.compactMap { $0.commandName }
        let names = configurations.filter { $0.shouldDisplay }.compactMap { $0.commandName }
        if all.contains(word) { return nil }
        if let second = arguments.dropFirst().first, names.contains(second) {
            let rest = ([second, word] + arguments.dropFirst(2)).map(Shell.word).joined(separator: " ")
            return .usage("'\(word)' is not a command", remedy: "the command comes first: `lacuna \(rest)`")
        }
        guard let meant = synonyms[word.lowercased()] ?? Spelling.nearest(to: word, among: names) else {
            return .usage("'\(word)' is not a command", remedy: "`lacuna --help` lists the commands")
        }
        return .usage("'\(word)' is not a command", remedy: "did you mean `lacuna \(meant)`?")
    }
}
