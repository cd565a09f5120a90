/// How a caller's expression nests subqueries: what decides how much of it SQLite's compiler makes.
///
/// The compiler writes a subquery's columns out in the query around it, once for each time that they are named there: with
/// twelve subqueries inside one another, 400 bytes of SQL take gigabytes before the statement runs, which nothing can cancel.
/// So do common table expressions, wherever they are named. Hence the words of nested subqueries are counted, and WITH is
/// refused.
struct FilterShape {
    private(set) var hasWith = false
    /// Of the subqueries that aren't inside another, the one that can become longest: in words, once written out.
    private(set) var writtenOutWords = 0.0

    /// About 60 MB of the compiler's memory.
    static let mostWrittenOutWords = 262_144.0

    /// For each bracket that is open, and for the expression itself, whether a SELECT stands right inside it.
    private var brackets = [false]
    /// How many of those hold one.
    private var selects = 0
    /// Of the outermost subquery under way: its words, and how many subqueries are inside one another at most.
    private var words = 0
    private var depth = 0

    init(_ expression: String) {
        let bytes = Array(expression.utf8)
        var place = 0
        while place < bytes.count {
            let start = place
            place = Self.endOfToken(bytes, from: start)
            add(bytes[start..<place])
        }
        endSubquery()
    }

    private mutating func add(_ token: ArraySlice<UInt8>) {
        if token.first == 0x20 || (0x09...0x0D).contains(token.first ?? 0) { return }
        words += 1
        switch String(decoding: token, as: UTF8.self).uppercased() {
        case "(": brackets.append(false)
        case ")":
            if brackets.count > 1, brackets.removeLast() { selects -= 1 }
            if selects == 0 { endSubquery() }
        case "SELECT", "VALUES":
            if selects == 0 { words = 1 }
            if !brackets[brackets.count - 1] { selects += 1 }
            brackets[brackets.count - 1] = true
            depth = max(depth, selects)
        case "WITH": hasWith = true
        default: break
        }
    }

    /// At worst the words are spread evenly, and those of each subquery name columns of the one inside it.
    private mutating func endSubquery() {
        if depth > 1 {
            let perLevel = Double(words) / Double(depth)
            writtenOutWords = max(writtenOutWords, (1..<depth).reduce(perLevel) { product, _ in product * perLevel })
        }
        depth = 0
    }

    /// The end of the word, number, quoted text, comment, white space or other character that begins at `start`.
    private static func endOfToken(_ bytes: [UInt8], from start: Int) -> Int {
        func end(of close: String) -> Int {
            let close = Array(close.utf8)
            var place = start + (close.count == 2 ? 2 : 1)
            while place < bytes.count {
                if bytes[place...].starts(with: close) { return place + close.count }
                place += 1
            }
            return bytes.count
        }
        func run(while isInside: (UInt8) -> Bool) -> Int {
            bytes[start...].firstIndex { !isInside($0) } ?? bytes.count
        }
        switch Unicode.Scalar(bytes[start]) {
        case "'", "\"", "`": return end(of: String(Unicode.Scalar(bytes[start])))
        case "[": return end(of: "]")
        case "-" where bytes[start...].starts(with: "--".utf8): return run { $0 != 0x0A }
        case "/" where bytes[start...].starts(with: "/*".utf8): return end(of: "*/")
        default: return isWord(bytes[start]) ? run(while: isWord) : start + 1
        }
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        let scalar = Unicode.Scalar(byte)
        return byte >= 0x80 || scalar == "_" || scalar == "$" || ("0"..."9").contains(scalar)
            || ("a"..."z").contains(scalar) || ("A"..."Z").contains(scalar)
    }
}
