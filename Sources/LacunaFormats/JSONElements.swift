/// The elements of an array in a JSON text, in memory bounded by the longest.
///
/// The array is the whole text, or a member of the object that is the whole text. Brackets and strings alone are
/// followed; whoever parses an element checks the rest of it. The members beside the array are checked here.
final class JSONElements {
    private static let maximumBytes = 64 << 20

    let input: BufferedInput
    private let member: String
    /// Whether the array is a member of an object.
    private(set) var isMember = false
    private var hasBegun = false
    private var hasEnded = false
    /// The keys of the object so far.
    private var keys: Set<[UInt8]> = []
    /// The line at the input's position.
    private var line = 1
    /// The line at which the last element begins.
    private(set) var elementLine = 1
    /// The number of elements so far.
    private(set) var count = 0

    /// - Parameter member: The name of the member that has the array, if the text is an object.
    init(_ source: RowSource, member: String) throws(FormatError) {
        input = try BufferedInput(source)
        self.member = member
        try begin()
    }

    /// The place of the next element in the input's bytes, where it stays until the next call; nil after the last.
    func next() throws(FormatError) -> Range<Int>? {
        if hasEnded { return nil }
        if try skip(UInt8(ascii: "]")) {
            // A comma before the bracket would be no JSON.
            hasEnded = true
            try end()
            return nil
        }
        if hasBegun { try expect(UInt8(ascii: ","), "',' or ']' after row \(count - 1)") }
        hasBegun = true
        try skipSpace()
        elementLine = line
        let range = try value()
        guard !range.isEmpty else { throw invalid("a row is missing") }
        count += 1
        return range
    }

    private func begin() throws(FormatError) {
        if try skip(UInt8(ascii: "[")) { return }
        guard try skip(UInt8(ascii: "{")) else {
            throw invalid("neither an array nor an object begins here")
        }
        isMember = true
        if try !skip(UInt8(ascii: "}")) {
            repeat {
                let name = try key()
                if name.isSame(member) {
                    guard try skip(UInt8(ascii: "[")) else { throw invalid("\"\(excerpt(name))\" isn't an array") }
                    return
                }
                try checkValue(of: name)
            } while try skip(UInt8(ascii: ","))
            try expect(UInt8(ascii: "}"), "',' or '}'")
        }
        throw FormatError.invalid(
            input.path,
            "the object has no array \"\(excerpt(member))\"",
            remedy: "name the member that has the rows with --table"
        )
    }

    /// Looks at what follows the array.
    private func end() throws(FormatError) {
        if isMember {
            while try skip(UInt8(ascii: ",")) {
                try checkValue(of: try key())
            }
            try expect(UInt8(ascii: "}"), "',' or '}'")
        }
        try skipSpace()
        if try hasByte(0) { throw invalid("text follows the value") }
    }

    /// Steps over a key, which must be a new one, and its colon.
    private func key() throws(FormatError) -> String {
        try skipSpace()
        let place = try value()
        guard let text = String(validating: input.bytes[place], as: UTF8.self),
            case .string(let name)? = try? JSONScalar(parsing: text)
        else { throw invalid("a key in double quotes is missing") }
        guard keys.insert(Array(name.utf8)).inserted else {
            throw FormatError.invalid(
                "\(input.path), line \(line)",
                "the key \"\(excerpt(name))\" occurs twice",
                remedy: "remove one"
            )
        }
        try expect(UInt8(ascii: ":"), "':' after a key")
        return name
    }

    private func checkValue(of name: String) throws(FormatError) {
        try skipSpace()
        let place = try value()
        do throws(FormatError) {
            guard let text = String(validating: input.bytes[place], as: UTF8.self) else {
                throw FormatError.invalid("not valid UTF-8", remedy: "save the file as UTF-8")
            }
            var scanner = JSONScanner(text)
            try scanner.skipValue(depth: 1)
            try scanner.expectEnd()
        } catch { throw error.at("\(input.path), line \(line), \"\(excerpt(name))\"") }
    }

    private func invalid(_ what: String) -> FormatError {
        .invalid("\(input.path), line \(line)", "not valid JSON: \(what)", remedy: "correct it, or save it again")
    }

    // MARK: Bytes

    /// Whether there is a byte at this distance from the input's position.
    private func hasByte(_ distance: Int) throws(FormatError) -> Bool {
        while input.start + distance >= input.bytes.count {
            if try !input.more() { return false }
        }
        return true
    }

    private func skipSpace() throws(FormatError) {
        while try hasByte(0) {
            switch input.bytes[input.start] {
            case 0x0A: line += 1
            case 0x20, 0x09, 0x0D: break
            default: return
            }
            input.use(to: input.start + 1)
        }
    }

    private func skip(_ byte: UInt8) throws(FormatError) -> Bool {
        try skipSpace()
        guard try hasByte(0), input.bytes[input.start] == byte else { return false }
        input.use(to: input.start + 1)
        return true
    }

    private func expect(_ byte: UInt8, _ role: String) throws(FormatError) {
        guard try skip(byte) else {
            throw invalid(try hasByte(0) ? "\(role) is missing" : "it ends too soon, where \(role) must be")
        }
    }

    /// Steps over the value that begins here, up to the byte after it.
    private func value() throws(FormatError) -> Range<Int> {
        var length = 0
        var state = State()
        while true {
            if try !hasByte(length) { break }
            let from = input.start + length
            let bytes = input.bytes
            let end = state.advance(bytes.span, from)
            length = (end ?? input.bytes.count) - input.start
            guard length <= Self.maximumBytes else { throw invalid("a value is over 64 MiB") }
            if end != nil { break }
        }
        guard state.depth == 0, !state.isInString else { throw invalid("it ends too soon, within a value") }
        line += state.lines
        let range = input.start..<input.start + length
        input.use(to: range.upperBound)
        return range
    }

    private struct State {
        var depth = 0
        var isInString = false
        var isEscaped = false
        var lines = 0

        /// Goes on from `position`. Returns the position after the value; nil if the bytes end before that.
        mutating func advance(_ bytes: Span<UInt8>, _ position: Int) -> Int? {
            for index in position..<bytes.count {
                let byte = bytes[index]
                if isInString {
                    if isEscaped {
                        isEscaped = false
                    } else if byte == UInt8(ascii: "\\") {
                        isEscaped = true
                    } else if byte == UInt8(ascii: "\"") {
                        isInString = false
                    }
                    continue
                }
                switch byte {
                case UInt8(ascii: "\""): isInString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return index }
                    depth -= 1
                    if depth == 0 { return index + 1 }
                case UInt8(ascii: ","), UInt8(ascii: ":"): if depth == 0 { return index }
                case 0x0A: lines += 1
                default: break
                }
            }
            return nil
        }
    }
}
