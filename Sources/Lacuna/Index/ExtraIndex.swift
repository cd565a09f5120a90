/// An index on one of our tables that no migration makes: one on a field of metadata, or one that somebody has made in
/// the shell.
///
/// SQLite updates it with every row that is written, so each put evaluates its terms and must meet its constraint. It
/// is left alone if it can neither fail nor take long: it isn't unique, its terms are columns,
/// `json_extract(json, 'path')`, `json_type(json, 'path')`, `json -> 'key'` or `json ->> 'key'`, and its WHERE compares
/// these with one another and with literals. Reading evaluates no index.
struct ExtraIndex {
    let name: String
    let table: String
    let sql: String
    /// The tokens of the first term, if the index has an entry for each row in which that isn't NULL, in SQLite's own
    /// order.
    let value: [SQLToken]?
    /// The reason why writing refuses the index; nil if it is left alone.
    let flaw: String?
    /// The number of columns and literals in the index.
    let terms: Int

    /// - Parameter sql: The index's text in `sqlite_schema`.
    init(name: String, table: String, _ sql: String) {
        self.name = name
        self.table = table
        self.sql = sql
        var grammar = ExtraIndexGrammar(SQLToken.tokens(of: sql))
        flaw = grammar.flaw()
        terms = grammar.terms
        value = flaw == nil ? grammar.value : nil
    }

    /// The limits for all indexes together: each put evaluates all terms, each with a copy of the metadata.
    private static let most = (indexes: 16, terms: 64)

    /// - Throws: `unsupported` if there would be too many indexes.
    static func check(adding index: ExtraIndex, to others: [ExtraIndex]) throws(VectorStoreError) {
        let terms = (others + [index]).reduce(0) { $0 + $1.terms }
        if others.count < most.indexes && terms <= most.terms { return }
        throw VectorStoreError(
            .unsupported,
            """
            the store has \(others.count) indexes on metadata, and one more would exceed the limit of \(most.indexes) \
            indexes with \(most.terms) terms in all
            """,
            remedy: "drop one first"
        )
    }

    /// - Throws: `unsupported` if a put would evaluate an index that may contain anything, or, with `counting`, too
    ///   many indexes.
    static func checkForWriting(_ all: [ExtraIndex], counting: Bool) throws(VectorStoreError) {
        for index in all { if let refusal = index.refusal { throw refusal } }
        let terms = all.reduce(0) { $0 + $1.terms }
        if !counting || all.count <= most.indexes && terms <= most.terms { return }
        throw VectorStoreError(
            .unsupported,
            """
            the store can only be read: index.sqlite has \(all.count) indexes of \(terms) terms on Lacuna's tables, of at \
            most \(most.indexes) and \(most.terms), and each put would evaluate them
            """,
            remedy: "remove some in the sqlite3 shell with DROP INDEX, then run \(.open) again"
        )
    }

    /// The error for an index that writing refuses.
    private var refusal: VectorStoreError? {
        guard let flaw else { return nil }
        let quoted = name.replacing("\"", with: "\"\"")
        return VectorStoreError(
            .unsupported,
            """
            the store can only be read, and not backed up: index.sqlite has an index that Lacuna can't keep up to date, \
            \(name) on \(table): \(flaw)
            """,
            remedy: "remove it in the sqlite3 shell with DROP INDEX \"\(quoted)\", then run \(.open) again"
        )
    }
}

/// The grammar of indexes that are left alone.
private struct ExtraIndexGrammar {
    private let tokens: [SQLToken]
    private var place = 0
    private var depth = 0
    private(set) var terms = 0
    private(set) var value: [SQLToken]?

    private static let deepest = 32
    private static let collations = ["binary", "nocase", "rtrim"]

    private struct Refused: Error {
        let why: String
    }

    init(_ tokens: [SQLToken]) { self.tokens = tokens }

    /// The reason why the index isn't left alone; nil if it is.
    mutating func flaw() -> String? {
        do {
            try index()
            return nil
        } catch { return error.why }
    }

    private mutating func index() throws(Refused) {
        try expect(.word("create"))
        if take(.word("unique")) { throw Refused(why: "it is UNIQUE") }
        try expect(.word("index"))
        try name()
        try expect(.word("on"))
        try name()
        try expect(.symbol("("))
        let start = place
        repeat { try term() } while take(.symbol(","))
        try expect(.symbol(")"))
        let isPartial = take(.word("where"))
        let whereStart = place
        if isPartial { try condition() }
        if place < tokens.count { throw other }
        value = isPartial ? value(tokens[whereStart...].dropLast(3), at: start) : value(at: start)
    }

    /// The first term, which begins at `start`, unless it has a collation.
    private func value(at start: Int) -> [SQLToken]? {
        var depth = 0
        for place in start..<tokens.count {
            switch tokens[place] {
            case .symbol("("): depth += 1
            case .symbol(")") where depth > 0: depth -= 1
            case .symbol(","), .symbol(")"): if depth == 0 { return Array(tokens[start..<place]) }
            case .word("asc"), .word("desc"): return Array(tokens[start..<place])
            case .word("collate"): return nil
            default: break
            }
        }
        return nil
    }

    /// The first term, if the index's WHERE is that this term is not NULL.
    private func value(_ tested: ArraySlice<SQLToken>, at start: Int) -> [SQLToken]? {
        guard tokens.suffix(3) == [.word("is"), .word("not"), .word("null")], let value = value(at: start),
            value.elementsEqual(tested)
        else { return nil }
        return value
    }

    private mutating func term() throws(Refused) {
        try operand(isCondition: false)
        if take(.word("collate")) {
            guard case .word(let name) = next(), Self.collations.contains(name) else {
                throw Refused(why: "its collation is none of SQLite's own")
            }
        }
        if !take(.word("asc")) { _ = take(.word("desc")) }
    }

    // MARK: WHERE

    private mutating func condition() throws(Refused) {
        try nested { grammar throws(Refused) in
            repeat {
                while grammar.take(.word("not")) {}
                try grammar.comparison()
            } while grammar.take(.word("and")) || grammar.take(.word("or"))
        }
    }

    private mutating func comparison() throws(Refused) {
        try operand(isCondition: true)
        if take(.word("isnull")) || take(.word("notnull")) { return }
        if take(.word("is")) {
            _ = take(.word("not"))
            return try operand(isCondition: true)
        }
        if take(.word("not")), take(.word("null")) { return }
        if take(.word("in")) {
            try expect(.symbol("("))
            repeat { try literal() } while take(.symbol(","))
            return try expect(.symbol(")"))
        }
        if take(.word("between")) {
            try literal()
            try expect(.word("and"))
            return try literal()
        }
        for comparison in ["=", "==", "<>", "!=", "<", "<=", ">", ">="] where take(.symbol(comparison)) {
            return try operand(isCondition: true)
        }
    }

    // MARK: Terms

    /// A column, or a value out of the column `json`; in a condition also a literal, or a condition in brackets.
    private mutating func operand(isCondition: Bool) throws(Refused) {
        if isCondition, isLiteral { return try literal() }
        terms += 1
        if take(.symbol("(")) {
            try nested { grammar throws(Refused) in
                if isCondition { try grammar.condition() } else { try grammar.operand(isCondition: false) }
            }
            return try expect(.symbol(")"))
        }
        let column = try name()
        if take(.symbol("(")) {
            guard ["json_extract", "json_type"].contains(column) else {
                throw Refused(why: "it calls the function \(column)")
            }
            guard try name() == "json" else { throw other }
            try expect(.symbol(","))
            guard case .text(let path) = next() else { throw other }
            try check(path: path)
            return try expect(.symbol(")"))
        }
        while take(.symbol("->")) || take(.symbol("->>")) {
            guard column == "json" else { throw other }
            try key()
        }
    }

    private mutating func key() throws(Refused) {
        switch next() {
        case .number(let digits) where digits.allSatisfy(\.isWholeNumber): return
        case .text(let path) where path.utf8.first == UInt8(ascii: "$"): try check(path: path)
        case .text(let label):
            // Other labels are paths to some versions of SQLite and keys to others, so with another version the index
            // would be wrong.
            if !JSONLabel.isKey(Array(label.utf8)) {
                throw Refused(why: "'\(label)' isn't a key to every version of SQLite, write '$.\"key\"'")
            }
        default: throw other
        }
    }

    /// SQLite notices an invalid path only when it evaluates it for a row, and then the put would fail.
    private func check(path: String) throws(Refused) {
        if !JSONLabel.isPath(Array(path.utf8)) { throw Refused(why: "'\(path)' isn't a path into JSON") }
    }

    // MARK: Tokens

    private var isLiteral: Bool {
        guard place < tokens.count else { return false }
        switch tokens[place] {
        case .text, .number, .symbol("-"), .word("null"): return true
        default: return false
        }
    }

    private mutating func literal() throws(Refused) {
        terms += 1
        if take(.symbol("-")) {
            guard case .number = next() else { throw other }
            return
        }
        switch next() {
        case .text, .number, .word("null"): return
        default: throw other
        }
    }

    @discardableResult
    private mutating func name() throws(Refused) -> String {
        switch next() {
        case .word(let name), .name(let name): return name
        default: throw other
        }
    }

    private mutating func next() -> SQLToken? {
        guard place < tokens.count else { return nil }
        place += 1
        return tokens[place - 1]
    }

    private mutating func take(_ token: SQLToken) -> Bool {
        guard place < tokens.count, tokens[place] == token else { return false }
        place += 1
        return true
    }

    private mutating func expect(_ token: SQLToken) throws(Refused) {
        if !take(token) { throw other }
    }

    private mutating func nested(_ body: (inout Self) throws(Refused) -> Void) throws(Refused) {
        depth += 1
        if depth > Self.deepest { throw other }
        try body(&self)
        depth -= 1
    }

    private var other: Refused {
        Refused(
            why:
                "it holds more than columns, json_extract(json, 'path'), json_type(json, 'path'), json ->> 'key', and comparisons of those"
        )
    }
}
