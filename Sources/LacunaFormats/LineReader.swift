#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Reads the lines of a UTF-8 text file, one at a time, in memory bounded by the longest line.
///
/// A line ends with LF or CRLF; the last line may end without it. A byte order mark at the start is skipped. Blank
/// lines (with only spaces and tabs) are allowed after the last line, and refused between lines, where they would shift
/// every row after them. Invalid UTF-8 and lines over 64 MiB are refused too. Lines are counted from 1.
package final class LineReader {
    private static let maximumLineBytes = 64 << 20
    private static let chunkBytes = 1 << 20

    /// The number of the line that ``next()`` returned last.
    package private(set) var lineNumber = 0
    /// The bytes of the file that the line takes.
    private(set) var place = 0..<0
    private let file: InputFile
    private var chunk: [UInt8] = []
    private var fileOffset = 0
    /// The bytes that were read and not yet returned begin at `pendingStart`.
    private var pending: [UInt8] = []
    private var pendingStart = 0
    private var firstBlankLine: Int?

    /// The place of the line that ``next()`` returned last, for an error about it: `FILE, line N`.
    package var location: String { "\(file.path), line \(lineNumber)" }

    /// - Throws: `.unreadable` if there is no such file or it cannot be opened.
    package init(_ source: RowSource) throws(FormatError) {
        file = try InputFile(source)
        try readChunk()
        if pending.starts(with: [0xEF, 0xBB, 0xBF]) { pendingStart = 3 }
    }

    package convenience init(path: String) throws(FormatError) { try self.init(.file(path)) }

    /// Reads a whole file as ``next()`` does and counts its lines, without blank ones at the end. An import does this
    /// before its first write.
    package static func countLines(path: String) throws(FormatError) -> Int {
        let reader = try LineReader(path: path)
        var count = 0
        while try reader.next() != nil { count += 1 }
        return count
    }

    /// - Returns: The next line without its end, or nil after the last.
    package func next() throws(FormatError) -> String? {
        while let range = try nextLine() {
            lineNumber += 1
            let line = pending[range]
            if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 }) {
                firstBlankLine = firstBlankLine ?? lineNumber
                continue
            }
            if let firstBlankLine {
                throw FormatError.invalid(
                    "\(file.path), line \(firstBlankLine)",
                    "a blank line between lines",
                    remedy: "remove it or fill it in"
                )
            }
            guard let text = String(validating: line, as: UTF8.self) else {
                throw FormatError.invalid(location, "not valid UTF-8", remedy: "save the file as UTF-8")
            }
            return text
        }
        return nil
    }

    /// Reads a line again by its place, without its end. The position of ``next()`` doesn't change.
    func line(at place: Range<Int>) throws(FormatError) -> String {
        var bytes: [UInt8] = []
        try file.read(place.count, into: &bytes, at: place.lowerBound)
        let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D }
        guard let text = String(validating: line, as: UTF8.self) else {
            throw FormatError.invalid(file.path, "not valid UTF-8", remedy: "save the file as UTF-8")
        }
        return text
    }

    /// The next line's bytes in `pending`, without its end; nil at the end of the file.
    private func nextLine() throws(FormatError) -> Range<Int>? {
        var searched = 0
        while true {
            let lineFeed = Self.firstLineFeed(in: pending, from: pendingStart + searched)
            guard (lineFeed ?? pending.count) - pendingStart <= Self.maximumLineBytes else {
                throw FormatError.invalid(
                    "\(file.path), line \(lineNumber + 1)",
                    "the line is over 64 MiB",
                    remedy: "check that every row ends with a line feed"
                )
            }
            if let lineFeed { return takeLine(to: lineFeed, next: lineFeed + 1) }
            searched = pending.count - pendingStart
            if try !readChunk() {
                return searched == 0 ? nil : takeLine(to: pending.count, next: pending.count)
            }
        }
    }

    private func takeLine(to end: Int, next: Int) -> Range<Int> {
        defer { pendingStart = next }
        // The bytes that were read end at `fileOffset`.
        let begin = fileOffset - pending.count + pendingStart
        place = begin..<begin + next - pendingStart
        let hasCarriageReturn = next > end && end > pendingStart && pending[end - 1] == 0x0D
        return pendingStart..<(hasCarriageReturn ? end - 1 : end)
    }

    /// Appends the next bytes of the file to `pending`, up to a chunk. Returns false at the file's end.
    @discardableResult
    private func readChunk() throws(FormatError) -> Bool {
        pending.removeSubrange(0..<pendingStart)
        pendingStart = 0
        let rest = file.length.map { max(1, $0 - fileOffset) } ?? Self.chunkBytes
        let count = try file.readUpTo(min(Self.chunkBytes, rest), into: &chunk, at: fileOffset)
        fileOffset += count
        pending.append(contentsOf: chunk[..<count])
        return count > 0
    }

    private static func firstLineFeed(in bytes: [UInt8], from start: Int) -> Int? {
        unsafe bytes.withUnsafeBytes { bytes -> Int? in
            guard start < bytes.count, let base = bytes.baseAddress,
                let found = unsafe memchr(base + start, 0x0A, bytes.count - start)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }
}
