/// The smallest meaningful piece of a filter's text.
struct FilterToken {
    enum Kind {
        /// A keyword, or the name of a column, table or function.
        case word
        case quotedName
        case string
        case number
        /// `?`, which takes the next value.
        case nextValue
        /// `?1`, `:name`, `@name`, `$name`.
        case namedValue
        /// An interpolated list, which takes the next value as well.
        case valueList
        case symbol
        case end
    }

    let kind: Kind
    let text: String
    /// The keyword or a function's name in capitals; a symbol as it is; otherwise empty.
    let keyword: String
    /// The place in the filter's text; nil for an interpolated value.
    let place: FilterPlace?

    init(_ kind: Kind, _ text: String, _ place: FilterPlace? = nil) {
        self.kind = kind
        self.text = text
        self.place = place
        keyword =
            switch kind {
            case .word: text.uppercased()
            case .symbol: text
            default: ""
            }
    }

    /// A name without its quotes.
    var name: String { kind == .quotedName ? String(text.dropFirst().dropLast()) : text }

    /// The content of a string in quotes, as the bytes that SQLite sees. (A Swift character may be made of a quote and
    /// an accent.)
    var stringValue: [UInt8] {
        var isEscaped = false
        return text.utf8.dropFirst().dropLast().filter { byte in
            isEscaped = byte == 0x27 && !isEscaped
            return !isEscaped
        }
    }
}

/// Cuts a filter's text into tokens. Comments and white space are left out.
struct FilterTokenizer {
    private let text: String
    private let bytes: [UInt8]
    private let remedyForQuotes: VectorStoreError.Remedy?
    private var place = 0

    /// - Throws: `invalidFilter` for a byte that belongs to no token, and for quotes or comments that don't end.
    static func tokens(of text: FilterText) throws(VectorStoreError) -> [FilterToken] {
        var tokens: [FilterToken] = []
        for part in text.parts {
            switch part {
            case .sql(let sql):
                var tokenizer = FilterTokenizer(
                    text: sql,
                    remedyForQuotes: text.parts.count == 1 ? nil : "write interpolated values without quotes"
                )
                do { while let token = try tokenizer.next() { tokens.append(token) } } catch {
                    throw error.at(FilterPlace(text: sql, bytes: tokenizer.place..<tokenizer.place + 1))
                }
            case .value: tokens.append(FilterToken(.nextValue, "?"))
            case .list: tokens.append(FilterToken(.valueList, "SELECT value FROM json_each( ? )"))
            }
        }
        return tokens + [FilterToken(.end, "", text.end)]
    }

    private init(text: String, remedyForQuotes: VectorStoreError.Remedy?) {
        self.text = text
        bytes = Array(text.utf8)
        self.remedyForQuotes = remedyForQuotes
    }

    private func byte(after count: Int = 0) -> Unicode.Scalar? {
        place + count < bytes.count ? Unicode.Scalar(bytes[place + count]) : nil
    }

    private mutating func next() throws(VectorStoreError) -> FilterToken? {
        try skipSpace()
        guard let first = byte() else { return nil }
        switch first {
        case "'": return try quoted(.string, until: "'")
        case "\"", "`": return try quoted(.quotedName, until: first)
        case "[": return try quoted(.quotedName, until: "]")
        case "?": return take(Self.isDigit(byte(after: 1)) ? .namedValue : .nextValue, 1 + run(from: 1, Self.isDigit))
        case ":", "@", "$":
            let length = run(from: 1, Self.isWord)
            guard length > 0 else { throw Filter.invalid("`\(first)` is followed by no name") }
            return take(.namedValue, 1 + length)
        case _ where Self.isDigit(first) || first == "." && Self.isDigit(byte(after: 1)): return try number()
        case _ where Self.isWord(first): return take(.word, run(from: 0, Self.isWord))
        default: return try symbol()
        }
    }

    private mutating func take(_ kind: FilterToken.Kind, _ count: Int) -> FilterToken {
        let range = place..<(place + count)
        place += count
        return FilterToken(kind, String(decoding: bytes[range], as: UTF8.self), FilterPlace(text: text, bytes: range))
    }

    /// The number of bytes of a kind, from `start` bytes ahead on.
    private func run(from start: Int, _ isInside: (Unicode.Scalar?) -> Bool) -> Int {
        var count = 0
        while isInside(byte(after: start + count)) { count += 1 }
        return count
    }

    private mutating func skipSpace() throws(VectorStoreError) {
        while let first = byte() {
            switch first {
            case " ", "\t", "\n", "\u{0C}", "\r": place += 1
            case "-" where byte(after: 1) == "-": try skipComment(until: "\n", isEndNeeded: false)
            case "/" where byte(after: 1) == "*": try skipComment(until: "*/", isEndNeeded: true)
            default: return
            }
        }
    }

    private mutating func skipComment(until end: String, isEndNeeded: Bool) throws(VectorStoreError) {
        let end = Array(end.utf8)
        place += 2
        while place < bytes.count, !bytes[place...].starts(with: end) {
            try checkIsPlain(bytes[place])
            place += 1
        }
        if isEndNeeded, place == bytes.count { throw Filter.invalid("a comment doesn't end") }
        place = min(place + end.count, bytes.count)
    }

    /// A quote inside is written twice, except `]`, which always ends a name.
    private mutating func quoted(
        _ kind: FilterToken.Kind,
        until end: Unicode.Scalar
    ) throws(VectorStoreError) -> FilterToken {
        var length = 1
        while let byte = byte(after: length) {
            if byte == "\0" { throw Filter.invalid("it holds a NUL character") }
            length += 1
            guard byte == end else { continue }
            if end == "]" || self.byte(after: length) != end { return take(kind, length) }
            length += 1
        }
        throw Filter.invalid("a text in quotes doesn't end", remedy: remedyForQuotes)
    }

    /// Reads a number as every version of SQLite does; newer ones also accept `1_000`.
    private mutating func number() throws(VectorStoreError) -> FilterToken {
        var length = 0
        if byte() == "0", byte(after: 1) == "x" || byte(after: 1) == "X" {
            length = 2 + run(from: 2, Self.isHexadecimal)
        } else {
            length = run(from: 0, Self.isDigit)
            if byte(after: length) == "." { length += 1 + run(from: length + 1, Self.isDigit) }
            if byte(after: length) == "e" || byte(after: length) == "E" {
                let sign = byte(after: length + 1) == "-" || byte(after: length + 1) == "+" ? 1 : 0
                length += 1 + sign + run(from: length + 1 + sign, Self.isDigit)
            }
        }
        let rest = run(from: length, Self.isWord)
        let start = place
        let token = take(.number, length + rest)
        guard rest == 0, Self.isHexadecimal(token.text.unicodeScalars.last) || token.text.hasSuffix(".") else {
            place = start
            throw Filter.invalid("`\(token.text)` is no number")
        }
        return token
    }

    private static let symbols = [
        "->>", "->", "||", "<<", ">>", "<=", ">=", "==", "!=", "<>",
        "(", ")", ",", ".", "+", "-", "*", "/", "%", "&", "|", "<", ">", "=", "~",
    ].map { Array($0.utf8) }

    private mutating func symbol() throws(VectorStoreError) -> FilterToken {
        guard let symbol = Self.symbols.first(where: bytes[place...].starts(with:)) else {
            try checkIsPlain(bytes[place])
            throw Filter.invalid("`\(Unicode.Scalar(bytes[place]))` has no place in it")
        }
        return take(.symbol, symbol.count)
    }

    /// Outside quotes, SQLite takes some bytes from 0x80 on as parts of words, and others as no part of anything.
    private func checkIsPlain(_ byte: UInt8) throws(VectorStoreError) {
        if byte >= 0x80 { throw Filter.invalid("it holds a character beyond ASCII outside quotes") }
        if byte == 0 { throw Filter.invalid("it holds a NUL character") }
    }

    private static func isDigit(_ scalar: Unicode.Scalar?) -> Bool { scalar.map { ("0"..."9").contains($0) } ?? false }

    private static func isHexadecimal(_ scalar: Unicode.Scalar?) -> Bool {
        isDigit(scalar) || scalar.map { ("a"..."f").contains($0) || ("A"..."F").contains($0) } ?? false
    }

    private static func isWord(_ scalar: Unicode.Scalar?) -> Bool {
        isDigit(scalar) || scalar.map { ("a"..."z").contains($0) || ("A"..."Z").contains($0) || $0 == "_" } ?? false
    }
}
