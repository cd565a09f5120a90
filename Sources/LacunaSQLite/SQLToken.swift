/// A token of SQL; the kinds are those that the text of a schema needs.
package enum SQLToken: Equatable, Sendable {
    /// A word without quotes, in lower case: a keyword or a name.
    case word(String)
    /// A name in double quotes, backticks or square brackets, in lower case, because SQLite ignores the case of names.
    case name(String)
    /// A text in single quotes.
    case text(String)
    /// Digits, perhaps with a point.
    case number(String)
    /// An operator, or any other character.
    case symbol(String)

    private static let operators = ["->>", "->", "<=", ">=", "<>", "!=", "=="].map { Array($0.utf8) }

    /// The tokens of a statement, without white space and comments. O(length) time and memory.
    package static func tokens(of sql: String) -> [SQLToken] {
        var lexer = Lexer(bytes: Array(sql.utf8))
        var tokens: [SQLToken] = []
        while let token = lexer.next() { tokens.append(token) }
        return tokens
    }

    /// The statements of one of our scripts, each from its first word to just before its semicolon.
    package static func statements(of script: [UInt8]) -> [String] {
        var lexer = Lexer(bytes: script)
        var statements: [String] = []
        while lexer.findToken() { statements.append(lexer.statement()) }
        return statements
    }

    private struct Lexer {
        let bytes: [UInt8]
        var place = 0

        mutating func next() -> SQLToken? { findToken() ? token() : nil }

        /// Skips white space and comments. Returns whether anything follows.
        mutating func findToken() -> Bool {
            while place < bytes.count {
                switch Unicode.Scalar(bytes[place]) {
                case " ", "\t", "\n", "\r", "\u{0C}": place += 1
                case "-" where starts(with: "--"): skip(past: "\n")
                case "/" where starts(with: "/*"):
                    place += 2
                    skip(past: "*/")
                default: return true
                }
            }
            return false
        }

        mutating func statement() -> String {
            let start = place
            while findToken() {
                if bytes[place] == UInt8(ascii: ";") {
                    place += 1
                    return text(start..<place - 1)
                }
                if bytes[place] == UInt8(ascii: "'") { _ = quoted(by: "'") } else { place += 1 }
            }
            return text(start..<place)
        }

        private mutating func token() -> SQLToken {
            switch Unicode.Scalar(bytes[place]) {
            case "'": return .text(quoted(by: "'"))
            case "\"": return .name(quoted(by: "\"").lowercased())
            case "`": return .name(quoted(by: "`").lowercased())
            case "[":
                let start = place + 1
                skip(past: "]")
                return .name(text(start..<max(start, place - 1)).lowercased())
            case "0"..."9": return .number(run { Self.isWord($0) || $0 == UInt8(ascii: ".") })
            case _ where Self.isWord(bytes[place]): return .word(run(while: Self.isWord).lowercased())
            default: break
            }
            let length = SQLToken.operators.first { bytes[place...].starts(with: $0) }?.count ?? 1
            place += length
            return .symbol(text(place - length..<place))
        }

        /// A quote inside is written twice. An unclosed quote ends with the SQL; SQLite reports that as an error.
        private mutating func quoted(by quote: Unicode.Scalar) -> String {
            let quote = UInt8(ascii: quote)
            var content: [UInt8] = []
            place += 1
            while place < bytes.count {
                if bytes[place] == quote {
                    place += 1
                    guard place < bytes.count, bytes[place] == quote else { break }
                }
                content.append(bytes[place])
                place += 1
            }
            return String(decoding: content, as: UTF8.self)
        }

        private mutating func run(while isInside: (UInt8) -> Bool) -> String {
            let start = place
            place = bytes[start...].firstIndex { !isInside($0) } ?? bytes.count
            return text(start..<place)
        }

        private mutating func skip(past end: String) {
            while place < bytes.count && !starts(with: end) { place += 1 }
            place = min(bytes.count, place + end.utf8.count)
        }

        private func starts(with text: String) -> Bool { bytes[place...].starts(with: text.utf8) }

        private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

        private static func isWord(_ byte: UInt8) -> Bool {
            let scalar = Unicode.Scalar(byte)
            return byte >= 0x80 || scalar == "_" || scalar == "$" || ("0"..."9").contains(scalar)
                || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
        }
    }
}
