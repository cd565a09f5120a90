/// What a filter can cost, as far as it is more than its length: counted while it is read.
struct FilterCost {
    /// Whatever a filter is cut into.
    var words = 0
    /// Columns that are named.
    var names = 0
    /// Whatever makes a value that must be kept, or is looked up among its like.
    var operations = 0
    /// Whatever makes a value longer than what it is made of, or reads JSON as a table.
    var expansions = 0
    /// Words that SQLite compiles once more: the left side of BETWEEN, and what CASE compares.
    var copies = 0
    /// Of LIKE and GLOB, instr, and what is trimmed away: each takes as long as the product of its texts' lengths.
    var searches = 0
    /// Of the texts in the filter that instr looks for, and those that are trimmed away.
    var longestSearched = 0
    /// Whether such a text is a value.
    var searchesForValue = false

    /// As deep as SQLite's limit for expressions.
    static let mostBrackets = 200
    private static let mostBytes = 65_536
    private static let mostOperations = 256
    private static let mostExpansions = 16
    private static let mostCopies = 65_536
    private static let mostPatternBytes = 1_000
    /// Of all patterns together. Between two of them SQLite may ask nobody whether to go on.
    private static let mostPatternsBytes = 2_000
    /// About 10 MB of SQLite's memory: of a column's constant, copied for each mention of another, that for each mention of
    /// the first.
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
                "what its BETWEENs and CASEs compare is too long, all together",
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

    /// The caller's own values, likewise.
    func check(_ values: [SQLValue]) throws(VectorStoreError) {
        guard !searchesForValue || values.allSatisfy({ $0.textBytes <= patternBytes }) else {
            throw Filter.invalid(
                "where instr or trim looks for a `?`, no value may be longer than \(patternBytes) bytes",
                remedy: "look for a shorter one, or for fewer"
            )
        }
    }

    /// Whether SQLite may look for conditions on the id, to find rows by. Not where writing out what columns are equal to
    /// could fill the memory.
    var isSimple: Bool { names * names * words <= Self.mostWrittenOut }

    /// What a pattern of LIKE and GLOB, and whatever else is searched for, may have at most.
    var patternBytes: Int { min(Self.mostPatternBytes, Self.mostPatternsBytes / max(1, searches)) }

    /// A search takes a hundred times as long as the longest of other steps.
    var stepsBetweenQuestions: Int32 { searches > 0 ? 10 : 100 }
}

extension SQLValue {
    var textBytes: Int {
        if case .text(let text) = self { text.utf8.count } else { 0 }
    }
}
