/// A comparison that a row must pass to pass a filter: of a value out of its metadata with constants.
///
/// An index on the value can find these rows. A row without metadata has no such value, so it passes no term.
struct FilterTerm {
    /// The value's tokens, over the column `json` of the table `metadata`, as an index has them.
    let value: [SQLToken]
    /// The same as SQL over the column `metadata` of a filter.
    let valueSQL: String
    /// The operator and the constants, as SQL; their parameters are all `?`.
    let comparison: String
    let values: [SQLValue]

    var sql: String { "\(valueSQL) \(comparison)" }
}

extension Filter {
    /// The places of those texts among the pieces that must be true for each row that passes.
    var requiredTexts: Set<Int> {
        var groups: [(texts: Set<Int>, isConjunction: Bool)] = [([], true)]
        for (place, piece) in pieces.enumerated() {
            switch piece {
            case .text: groups[groups.count - 1].texts.insert(place)
            case .open: groups.append(([], true))
            case .close:
                let group = groups.removeLast()
                if group.isConjunction { groups[groups.count - 1].texts.formUnion(group.texts) }
            case .and: break
            case .or, .isNotTrue: groups[groups.count - 1].isConjunction = false
            }
        }
        return groups[0].isConjunction ? groups[0].texts : []
    }
}

/// Finds the terms of a text that the grammar has read.
struct FilterTermReader {
    private let tokens: [FilterToken]
    /// The value of each parameter, by the place of its token.
    private let parameters: [Int: SQLValue]
    private(set) var terms: [FilterTerm] = []
    /// Whether the text is true wherever all terms are.
    private(set) var isWhole = true

    init(_ tokens: [FilterToken], _ parameters: [Int: SQLValue]) {
        self.tokens = tokens
        self.parameters = parameters
        read(0..<tokens.count - 1)
    }

    private mutating func read(_ range: Range<Int>) {
        let parts = conjuncts(of: range) ?? []
        if parts.count > 1 {
            for part in parts { read(part) }
        } else if !parts.isEmpty, let term = term(range) {
            terms.append(term)
        } else if !parts.isEmpty, let inner = inside(range) {
            read(inner)
        } else {
            isWhole = false
        }
    }

    /// The parts between the ANDs of an expression; nil if it is an OR.
    private func conjuncts(of range: Range<Int>) -> [Range<Int>]? {
        var parts: [Range<Int>] = []
        var start = range.lowerBound
        var depth = 0
        var openBetweens = 0
        for place in range {
            switch tokens[place].keyword {
            case "(", "CASE": depth += 1
            case ")", "END": depth -= 1
            case "BETWEEN" where depth == 0: openBetweens += 1
            case "OR" where depth == 0: return nil
            case "AND" where depth == 0 && openBetweens > 0: openBetweens -= 1
            case "AND" where depth == 0:
                parts.append(start..<place)
                start = place + 1
            default: break
            }
        }
        return parts + [start..<range.upperBound]
    }

    /// What stands between a bracket at the beginning and the same bracket's end at the end.
    private func inside(_ range: Range<Int>) -> Range<Int>? {
        guard range.count > 2, tokens[range.lowerBound].keyword == "(" else { return nil }
        var depth = 0
        for place in range {
            switch tokens[place].keyword {
            case "(": depth += 1
            case ")": depth -= 1
            default: break
            }
            if depth == 0 { return place == range.upperBound - 1 ? range.lowerBound + 1..<place : nil }
        }
        return nil
    }

    private func term(_ range: Range<Int>) -> FilterTerm? {
        guard let end = endOfValue(range.lowerBound), isComparison(end..<range.upperBound) else { return nil }
        return FilterTerm(
            value: SQLToken.tokens(of: sql(range.lowerBound..<end)).map {
                $0 == .word("metadata") ? .word("json") : $0
            },
            valueSQL: sql(range.lowerBound..<end),
            comparison: sql(end..<range.upperBound),
            values: range.compactMap { parameters[$0] }
        )
    }

    /// The end of `json_extract(metadata, '…')`, `json_type(metadata, '…')`, or `metadata` with arrows.
    private func endOfValue(_ start: Int) -> Int? {
        if ["JSON_EXTRACT", "JSON_TYPE"].contains(tokens[start].keyword) {
            let isCall =
                keywords(after: start, ["(", "METADATA", ","]) && kind(start + 4) == .string
                && keyword(start + 5) == ")"
            return isCall ? start + 6 : nil
        }
        guard tokens[start].keyword == "METADATA" else { return nil }
        var end = start + 1
        while ["->", "->>"].contains(keyword(end)) { end += 2 }
        return end > start + 1 ? end : nil
    }

    /// Whether an operator stands there, and then constants and nothing else. No such comparison is true of NULL.
    private func isComparison(_ range: Range<Int>) -> Bool {
        switch keyword(range.lowerBound) {
        case "=", "==", "<", "<=", ">", ">=": return constant(range.lowerBound + 1) == range.upperBound
        case "NOTNULL": return range.count == 1
        case "IS": return range.count == 3 && keywords(after: range.lowerBound, ["NOT", "NULL"])
        case "IN":
            if kind(range.lowerBound + 1) == .valueList { return range.count == 2 }
            guard let inner = inside(range.dropFirst()) else { return false }
            if inner.count == 1, kind(inner.lowerBound) == .valueList { return true }
            var place = inner.lowerBound
            while let end = constant(place) {
                if end == inner.upperBound { return true }
                guard keyword(end) == "," else { return false }
                place = end + 1
            }
            return false
        case "BETWEEN":
            guard let and = constant(range.lowerBound + 1), keyword(and) == "AND" else { return false }
            return constant(and + 1) == range.upperBound
        default: return false
        }
    }

    /// The place after a constant.
    private func constant(_ place: Int) -> Int? {
        switch kind(place) {
        case .string, .number, .nextValue, .namedValue: return place + 1
        case .symbol where keyword(place) == "-" && kind(place + 1) == .number: return place + 2
        default: return nil
        }
    }

    private func kind(_ place: Int) -> FilterToken.Kind { place < tokens.count ? tokens[place].kind : .end }

    private func keyword(_ place: Int) -> String { place < tokens.count ? tokens[place].keyword : "" }

    private func keywords(after place: Int, _ keywords: [String]) -> Bool {
        keywords.indices.allSatisfy { keyword(place + 1 + $0) == keywords[$0] }
    }

    private func sql(_ range: Range<Int>) -> String {
        range.map { place in
            switch tokens[place].kind {
            case .namedValue: "?"
            // The brackets of an interpolated list may be left out.
            case .valueList: keyword(place - 1) == "(" ? tokens[place].text : "( \(tokens[place].text) )"
            default: tokens[place].text
            }
        }.joined(separator: " ")
    }
}
