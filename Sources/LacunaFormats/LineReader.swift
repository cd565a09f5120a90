/// Reads the lines of a UTF-8 text file, one at a time, in memory bounded by the longest line.
///
/// A line ends with LF or CRLF; the last line may end without it. A byte order mark at the start is skipped. Blank
/// lines (with only spaces and tabs) are allowed after the last line, and refused between lines, where they would shift
/// every row after them. Invalid UTF-8 and lines over 64 MiB are refused too. Lines are counted from 1.
package final class LineReader {
    private static let maximumLineBytes = 64 << 20

    /// The number of the line that ``next()`` returned last.
    package private(set) var lineNumber = 0
    /// The bytes of the file that the line takes.
    private(set) var place = 0..<0
    let input: BufferedInput
    private var firstBlankLine: Int?

    /// The place of the line that ``next()`` returned last, for an error about it: `FILE, line N`.
    package var location: String { "\(input.path), line \(lineNumber)" }

    /// - Throws: `.unreadable` if there is no such file or it cannot be opened.
    package init(_ source: RowSource) throws(FormatError) {
        input = try BufferedInput(source)
    }

    package convenience init(path: String) throws(FormatError) { try self.init(.file(path)) }

    /// Reads a whole file as ``next()`` does and counts its lines, without blank ones at the end. An import does this
    /// before its first write.
    package static func countLines(path: String) throws(FormatError) -> Int {
        let reader = try LineReader(path: path)
        var count = 0
        while try reader.nextRange() != nil { count += 1 }
        return count
    }

    /// - Returns: The next line without its end, or nil after the last.
    package func next() throws(FormatError) -> String? {
        guard let range = try nextRange() else { return nil }
        return try text(range)
    }

    /// The text of a part of the input's bytes.
    func text(_ range: Range<Int>) throws(FormatError) -> String {
        guard let text = String(validating: input.bytes[range], as: UTF8.self) else {
            throw FormatError.invalid(location, "not valid UTF-8", remedy: "save the file as UTF-8")
        }
        return text
    }

    /// As ``next()``, but returns the place of the line in the input's bytes, where it stays until the next call.
    func nextRange() throws(FormatError) -> Range<Int>? {
        while let range = try nextLine() {
            lineNumber += 1
            if input.bytes[range].allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
                firstBlankLine = firstBlankLine ?? lineNumber
                continue
            }
            if let firstBlankLine {
                throw FormatError.invalid(
                    "\(input.path), line \(firstBlankLine)",
                    "a blank line between lines",
                    remedy: "remove it or fill it in"
                )
            }
            return range
        }
        return nil
    }

    /// Reads a line again by its place, without its end. The position of ``next()`` doesn't change.
    func line(at place: Range<Int>) throws(FormatError) -> String {
        let line = try input.read(place).prefix { $0 != 0x0A && $0 != 0x0D }
        guard let text = String(validating: line, as: UTF8.self) else {
            throw FormatError.invalid(input.path, "not valid UTF-8", remedy: "save the file as UTF-8")
        }
        return text
    }

    /// The next line's bytes in the input, without its end; nil at the end of the file.
    private func nextLine() throws(FormatError) -> Range<Int>? {
        var searched = 0
        while true {
            let lineFeed = input.first(0x0A, in: input.start + searched..<input.bytes.count)
            guard (lineFeed ?? input.bytes.count) - input.start <= Self.maximumLineBytes else {
                throw FormatError.invalid(
                    "\(input.path), line \(lineNumber + 1)",
                    "the line is over 64 MiB",
                    remedy: "check that every row ends with a line feed"
                )
            }
            if let lineFeed { return takeLine(to: lineFeed, next: lineFeed + 1) }
            searched = input.bytes.count - input.start
            if try !input.more() {
                return searched == 0 ? nil : takeLine(to: input.bytes.count, next: input.bytes.count)
            }
        }
    }

    private func takeLine(to end: Int, next: Int) -> Range<Int> {
        let start = input.start
        place = input.offset..<input.offset + next - start
        input.use(to: next)
        let hasCarriageReturn = next > end && end > start && input.bytes[end - 1] == 0x0D
        return start..<(hasCarriageReturn ? end - 1 : end)
    }
}
