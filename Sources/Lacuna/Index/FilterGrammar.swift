/// Reads each text of a filter as one expression, and writes the SQL that SQLite compiles.
///
/// SQLite 3.38 has no bound on the memory and time of its compiler, and can't be interrupted meanwhile, so the grammar
/// is the bound: SQLite doesn't see the caller's text, but only the tokens that were understood here. The grammar
/// leaves out constructs that make more work than their length: derived tables, common table expressions, names for
/// results, compounds, windows, GROUP BY, an ORDER BY of anything but columns (`ORDER BY 1, 1` copies the result for
/// each), and rows of values.
///
/// There is one more danger: with a condition `column = constant`, SQLite writes the constant out wherever the column
/// is named, and repeatedly if columns are equal to terms with other columns (800 bytes took 200 MB). SQLite looks for
/// such conditions at the top level of a WHERE. So the WHERE of a subquery is written as `+(…)`, which SQLite leaves
/// alone; nothing is lost by that, since a subquery has no index. For the filter itself, see ``FilterCost/isSimple``.
struct FilterGrammar {
    /// The tokens of the text that is being read.
    private var tokens: [FilterToken] = []
    private var place = 0
    private var parameters = FilterParameters(after: 0)
    /// The number of subqueries around the place.
    private var subqueries = 0

    private(set) var sql = ""
    /// The values of the parameters, in their order.
    private(set) var values: [SQLValue] = []
    /// Whether the filter may have another result for the same row later.
    private(set) var readsClock = false
    private(set) var cost = FilterCost()
    /// Comparisons that each row that passes must pass.
    private(set) var terms: [FilterTerm] = []
    /// Whether each row that passes all of them passes the filter.
    private(set) var isOfTerms = true

    /// - Throws: `invalidFilter`.
    init(_ filter: Filter) throws(VectorStoreError) {
        try FilterCost.check(length: filter.bytes)
        let required = filter.requiredTexts
        var depth = 0
        for (place, piece) in filter.pieces.enumerated() {
            cost.words += 1
            switch piece {
            case .text(let text): try read(text, depth: depth, isRequired: required.contains(place))
            case .open:
                depth += 1
                sql += " ("
            case .close:
                depth -= 1
                sql += " )"
            case .and: sql += " AND"
            case .or: sql += " OR"
            case .isNotTrue: sql += " IS NOT TRUE"
            }
        }
        try cost.check()
        try cost.check(values)
    }

    /// Each text must be an expression by itself: no bracket, quote or comment of it can reach beyond it.
    private mutating func read(_ text: FilterText, depth: Int, isRequired: Bool) throws(VectorStoreError) {
        tokens = try FilterTokenizer.tokens(of: text)
        place = 0
        cost.words += tokens.count
        parameters = FilterParameters(after: values.count)
        do throws(VectorStoreError) {
            try readExpression(depth: depth)
            if token.kind != .end { throw unexpected() }
        } catch { throw error.at(token.place) }
        let bound = text.boundValues
        try parameters.check(bound.count)
        values += bound
        let reader = isRequired ? FilterTermReader(tokens, parameters.places.mapValues { bound[$0 - 1] }) : nil
        terms += reader?.terms ?? []
        isOfTerms = isOfTerms && reader?.isWhole == true
    }

    // MARK: Tokens

    private var token: FilterToken { tokens[place] }
    private var nextToken: FilterToken { tokens[min(place + 1, tokens.count - 1)] }

    private mutating func take() {
        sql += " " + (parameters.text(of: token, at: place) ?? token.text)
        if FilterWords.clock.contains(token.text.uppercased()) { readsClock = true }
        place += 1
    }

    private mutating func take(if keywords: String...) -> Bool {
        guard keywords.contains(token.keyword) else { return false }
        take()
        return true
    }

    private mutating func take(_ keyword: String) throws(VectorStoreError) {
        guard take(if: keyword) else { throw unexpected(keyword) }
    }

    private func unexpected(_ wanted: String? = nil) -> VectorStoreError {
        if token.kind == .end {
            return Filter.invalid(wanted.map { "it ends where `\($0)` is needed" } ?? "it ends too early")
        }
        if token.kind == .valueList { return Filter.invalid("a list of values can only follow IN") }
        let place = wanted.map { "in the place of `\($0)`" } ?? "in a place where it can't stand"
        let problem = "`\(token.text.prefix(40))` is \(place)"
        guard token.kind == .word, token.text.utf8.count > 2,
            let meant = Spelling.nearest(to: token.text, among: FilterWords.operators)
        else {
            return Filter.invalid(problem)
        }
        return Filter.invalid(problem, remedy: "did you mean \(meant)?")
    }

    // MARK: Expressions

    /// Reads operands with operators between them. SQLite knows their precedence.
    private mutating func readExpression(depth: Int) throws(VectorStoreError) {
        guard depth < FilterCost.mostBrackets else {
            throw Filter.invalid("its brackets are nested more than \(FilterCost.mostBrackets) deep")
        }
        // The beginning of the operand that a BETWEEN may have on its left side. AND and OR end that operand, except
        // the AND of a BETWEEN.
        var start = place
        var openBetweens = 0
        repeat {
            try readOperand(depth: depth)
            guard let next = try readOperator(depth: depth) else { return }
            switch next {
            case "BETWEEN":
                cost.copies += place - start
                openBetweens += 1
            case "AND" where openBetweens > 0: openBetweens -= 1
            case "AND", "OR": start = place
            default: break
            }
        } while true
    }

    private mutating func readExpressions(depth: Int) throws(VectorStoreError) {
        repeat { try readExpression(depth: depth) } while take(if: ",")
    }

    private mutating func readOperand(depth: Int) throws(VectorStoreError) {
        while take(if: "+", "-", "~", "NOT") {}
        switch token.kind {
        case .string, .number, .nextValue: take()
        case .namedValue:
            cost.operations += 1
            take()
        case .word where nextToken.keyword == "(" && FilterWords.canBeCalled(token.keyword):
            try readCall(depth: depth + 1)
        case .word where FilterWords.constants.contains(token.keyword): take()
        case .quotedName, .word: try readWord(depth: depth)
        case .symbol: try readBracket(depth: depth + 1)
        case .valueList, .end: throw unexpected()
        }
    }

    private mutating func readWord(depth: Int) throws(VectorStoreError) {
        switch token.keyword {
        case "CASE": try readCase(depth: depth + 1)
        case "CAST":
            cost.operations += 1
            take()
            try take("(")
            try readExpression(depth: depth + 1)
            try take("AS")
            try takeName()
            try take(")")
        case "EXISTS":
            take()
            guard nextToken.keyword == "SELECT" else { throw unexpected("(") }
            try readBracket(depth: depth + 1)
        default:
            cost.names += 1
            if subqueries == 0 { try checkIsColumn() }
            try takeName()
            if take(if: ".") { try takeName() }
            if token.keyword == "(" { throw unexpected() }
        }
    }

    /// SQLite would refuse another name too, but couldn't tell how a field of the metadata is written.
    private func checkIsColumn() throws(VectorStoreError) {
        if token.kind == .word && FilterWords.keywords.contains(token.keyword) { return }
        let isQualified = nextToken.keyword == "."
        let row = StoreIndex.rowName
        if isQualified ? token.name.lowercased() == row : ["id", "metadata"].contains(token.name.lowercased()) {
            return
        }
        let name = isQualified ? "\(token.name).\(tokens[min(place + 2, tokens.count - 1)].name)" : token.name
        let problem = "`\(name.prefix(40))` is no column; there are `id` and `metadata`"
        if name.utf8.count > 3, Spelling.nearest(to: name, among: ["metadata"]) != nil {
            throw Filter.invalid(problem, remedy: "did you mean `metadata`?")
        }
        if token.kind == .quotedName && !isQualified {
            throw Filter.invalid(problem, remedy: "write a text in single quotes: '\(name.prefix(40))'")
        }
        throw Filter.invalid(
            problem,
            remedy: "for a field of the metadata write `metadata ->> '\(isQualified ? "$." : "")\(name.prefix(40))'`"
        )
    }

    private mutating func takeName() throws(VectorStoreError) {
        guard token.kind == .quotedName || token.kind == .word && !FilterWords.keywords.contains(token.keyword) else {
            throw unexpected()
        }
        take()
    }

    private mutating func readBracket(depth: Int) throws(VectorStoreError) {
        guard take(if: "(") else { throw unexpected() }
        if token.keyword == "SELECT" { try readSubquery(depth: depth) } else { try readExpression(depth: depth) }
        try take(")")
    }

    private mutating func readCase(depth: Int) throws(VectorStoreError) {
        cost.operations += 1
        take()
        let start = place
        if token.keyword != "WHEN" { try readExpression(depth: depth) }
        cost.copies += place - start
        repeat {
            try take("WHEN")
            try readExpression(depth: depth)
            try take("THEN")
            try readExpression(depth: depth)
        } while token.keyword == "WHEN"
        if take(if: "ELSE") { try readExpression(depth: depth) }
        try take("END")
    }

    /// - Returns: The operator, which an operand must follow; nil at the end of the expression.
    private mutating func readOperator(depth: Int) throws(VectorStoreError) -> String? {
        while true {
            switch token.keyword {
            case "->", "->>": try readArrow()
            case "ISNULL", "NOTNULL": take()
            case "COLLATE":
                take()
                try takeName()
            case "NOT":
                take()
                if take(if: "NULL") { continue }
                guard ["IN", "LIKE", "GLOB", "BETWEEN"].contains(token.keyword) else { throw unexpected() }
            case "IN":
                take()
                try readList(depth: depth + 1)
            case "IS":
                take()
                _ = take(if: "NOT")
                return "IS"
            case "||":
                cost.operations += 1
                cost.expansions += 1
                take()
                return "||"
            default:
                let binary = token.keyword
                guard FilterWords.binaryOperators.contains(binary) else { return nil }
                if ["LIKE", "GLOB"].contains(binary) { cost.searches += 1 }
                take()
                return binary
            }
        }
    }

    private mutating func readList(depth: Int) throws(VectorStoreError) {
        if token.kind == .valueList {
            sql += " ("
            takeValueList()
            sql += " )"
            return
        }
        if nextToken.keyword == "SELECT" { return try readBracket(depth: depth) }
        try take("(")
        if token.kind == .valueList {
            takeValueList()
            return try take(")")
        }
        if token.keyword != ")" { try readExpressions(depth: depth) }
        try take(")")
    }

    private mutating func takeValueList() {
        cost.operations += 1
        cost.expansions += 1
        take()
    }

    private mutating func readArrow() throws(VectorStoreError) {
        let arrow = token.text
        cost.operations += 1
        take()
        switch token.kind {
        case .string: try JSONLabel.check(token.stringValue)
        case .number where token.text.utf8.allSatisfy { (0x30...0x39).contains($0) }: break
        default:
            throw Filter.invalid(
                "the right side of `\(arrow)` must be a key in single quotes or the number of an element",
                remedy: "for another, use json_extract with a path"
            )
        }
        take()
    }

    // MARK: Calls

    private mutating func readCall(depth: Int) throws(VectorStoreError) {
        let function = token.keyword
        guard FilterWords.functions.contains(function) else {
            let meant = Spelling.nearest(to: token.text, among: FilterWords.functions.sorted())
                .map { "did you mean \($0.lowercased())?" }
            throw Filter.invalid(
                "the function \(token.text.prefix(40)) isn't allowed",
                remedy: "\(meant ?? "see docs/cli.md for those that are")"
            )
        }
        cost.operations += 1
        if function == "STRFTIME" { cost.expansions += 1 }
        if ["LIKE", "GLOB"].contains(function) { cost.searches += 1 }
        take()
        try take("(")
        var arguments = 0
        if !take(if: "*"), token.keyword != ")" {
            _ = take(if: "DISTINCT")
            repeat {
                let start = place
                try readExpression(depth: depth)
                arguments += 1
                if arguments == 2, FilterWords.searching.contains(function) {
                    do { try checkIsSearchedFor(tokens[start..<place], function) } catch {
                        throw error.at(tokens[start].place)
                    }
                }
            } while take(if: ",")
        }
        if function == "JSON_EXTRACT", arguments > 2 { cost.expansions += 1 }
        try take(")")
    }

    private mutating func checkIsSearchedFor(
        _ argument: ArraySlice<FilterToken>,
        _ function: String
    ) throws(VectorStoreError) {
        cost.searches += 1
        let text = argument.count == 1 ? argument.first : nil
        switch text?.kind {
        case .string: cost.longestSearched = max(cost.longestSearched, text?.stringValue.count ?? 0)
        case .nextValue, .namedValue: cost.searchesForValue = true
        default:
            throw Filter.invalid(
                "the second argument of \(function.lowercased()) must be a text in single quotes or a `?`"
            )
        }
    }

    // MARK: Subqueries

    private mutating func readSubquery(depth: Int) throws(VectorStoreError) {
        cost.operations += 1
        subqueries += 1
        defer { subqueries -= 1 }
        try take("SELECT")
        _ = take(if: "DISTINCT", "ALL")
        if !take(if: "*") { try readExpressions(depth: depth) }
        if take(if: "FROM") { repeat { try readTable(depth: depth) } while take(if: ",") }
        if take(if: "WHERE") {
            sql += " + ("
            try readExpression(depth: depth)
            sql += " )"
        }
        if take(if: "ORDER") {
            try take("BY")
            repeat { try readOrder() } while take(if: ",")
        }
        if take(if: "LIMIT") { try readExpression(depth: depth) }
        if take(if: "OFFSET") { try readExpression(depth: depth) }
    }

    private mutating func readTable(depth: Int) throws(VectorStoreError) {
        guard ["JSON_EACH", "JSON_TREE"].contains(token.keyword), nextToken.keyword == "(" else {
            throw Filter.invalid(
                "a subquery can read json_each(…) and json_tree(…) and nothing else, with commas between them; it has "
                    + "`\(token.text.prefix(40))` there"
            )
        }
        cost.expansions += 1
        take()
        take()
        try readExpressions(depth: depth + 1)
        try take(")")
        if take(if: "AS") || token.kind == .quotedName
            || token.kind == .word && !FilterWords.keywords.contains(token.keyword)
        {
            try takeName()
        }
    }

    private mutating func readOrder() throws(VectorStoreError) {
        guard !FilterWords.constants.contains(token.keyword) else { throw unexpected() }
        try takeName()
        if take(if: ".") { try takeName() }
        if take(if: "COLLATE") { try takeName() }
        _ = take(if: "ASC", "DESC")
        if take(if: "NULLS"), !take(if: "FIRST", "LAST") { throw unexpected() }
    }
}
