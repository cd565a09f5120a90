/// Words of a command line, as remedies name them.
enum Shell {
    /// The path of the store that this run's command is about; nil if it is about none, or about two.
    @TaskLocal static var storePath: String?

    /// The word for the store in a command to type.
    static var store: String { storePath.map(word) ?? "STORE" }

    /// The text as one word, in quotes if a shell would read it otherwise.
    static func word(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "._/:@+-".utf8.contains(byte)
            }
        }
        return isPlain && !text.isEmpty ? text : quoted(text)
    }

    /// Characters are no measure: a quote and an accent after it are one.
    private static func quoted(_ text: String) -> String {
        let quote = UInt8(ascii: "'")
        let bytes = text.utf8.flatMap { $0 == quote ? Array(#"'\''"#.utf8) : [$0] }
        return "'\(String(decoding: bytes, as: UTF8.self))'"
    }
}

extension CommandError {
    /// No row passes; `limits` says how more would.
    static func nothingMatched(_ limits: [String]) -> CommandError {
        CommandError(.no, "nothing matched", remedy: "try \(limits.joined(separator: ", or "))")
    }

    /// No row has one of the ids that were named.
    static func noSuchRow(_ problem: String) -> CommandError {
        CommandError(.no, problem, remedy: "`lacuna list \(Shell.store)` shows the ids there are")
    }
}
