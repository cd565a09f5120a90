/// The cost of a filter beyond its length, counted while the filter is read.
struct FilterCost {
    /// The number of tokens.
    var words = 0
    /// The number of times that a column is named.
    var names = 0
    /// The number of operations that make a value that must be kept or looked up.
    var operations = 0
    /// The number of operations that make a value longer than their operands, or read JSON as a table.
    var expansions = 0
    /// The number of tokens that SQLite compiles twice: those on the left side of BETWEEN, and in the operand of CASE.
    var copies = 0
    /// The number of LIKE, GLOB, instr and trim: each takes time in proportion to the product of its texts' lengths.
    var searches = 0
    /// The length of the longest text in the filter for which instr or trim looks.
    var longestSearched = 0
    /// Whether such a text is one of the caller's values.
    var searchesForValue = false

    /// The deepest nesting, which is also SQLite's limit for expressions.
    static let mostBrackets = 200
    private static let mostBytes = 65_536
    private static let mostOperations = 256
    private static let mostExpansions = 16
    private static let mostCopies = 65_536
    private static let mostPatternBytes = 1_000
    /// The bytes of all patterns together. SQLite may not check for an interrupt between two patterns.
    private static let mostPatternsBytes = 2_000
    /// About 10 MB of SQLite's memory, for copies of constants: SQLite copies the constant that a column is equal to
    /// for each mention of the column, and such copies again for other columns.
    private static let mostWrittenOut = 1 << 20

    private static let asOneValue: VectorStoreError.Remedy =
        "pass a long list as one value: `id IN (SELECT value FROM json_each(?))`"

    static func check(length: Int) throws(VectorStoreError) {
        if length > mostBytes {
            throw Filter.invalid("it is \(length) bytes long, of at most \(mostBytes)", remedy: asOneValue)
        }
    }

    func check() throws(VectorStoreError) {
        if operations > Self.mostOperations {
            throw Filter.invalid(
                "it has \(operations) calls, arrows, subqueries and named values, of at most \(Self.mostOperations)",
                remedy: Self.asOneValue
            )
        }
        if expansions > Self.mostExpansions {
            throw Filter.invalid(
                "it has \(expansions) of `||`, strftime, json_extract of several paths, json_each and json_tree, of at "
                    + "most \(Self.mostExpansions)",
                remedy: "search for less at once"
            )
        }
        if copies > Self.mostCopies {
            throw Filter.invalid(
                "the operands of its BETWEENs and CASEs are too long together",
                remedy: "compare something shorter"
            )
        }
        if longestSearched > patternBytes {
            throw Filter.invalid(
                "a text that instr or trim looks for is longer than \(patternBytes) bytes",
                remedy: "look for a shorter one, or for fewer"
            )
        }
    }

    /// Checks the caller's own values.
    func check(_ values: [SQLValue]) throws(VectorStoreError) {
        guard !searchesForValue || values.allSatisfy({ $0.textBytes <= patternBytes }) else {
            throw Filter.invalid(
                "where instr or trim looks for a `?`, no value may be longer than \(patternBytes) bytes",
                remedy: "look for a shorter one, or for fewer"
            )
        }
    }

    /// Whether SQLite may use conditions on the id to find rows. It may not if writing out the constants that columns
    /// are equal to could fill the memory.
    var isSimple: Bool { names * names * words <= Self.mostWrittenOut }

    /// The most bytes of a pattern of LIKE or GLOB, and of a text for which instr or trim looks.
    var patternBytes: Int { min(Self.mostPatternBytes, Self.mostPatternsBytes / max(1, searches)) }

    /// A step that searches a text takes a hundred times as long as the longest of other steps.
    var stepsBetweenQuestions: Int32 { searches > 0 ? 10 : 100 }
}

extension SQLValue {
    var textBytes: Int {
        if case .text(let text) = self { text.utf8.count } else { 0 }
    }
}
