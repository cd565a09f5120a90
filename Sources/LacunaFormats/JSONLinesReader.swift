/// Reads a JSON Lines file, with one JSON object on each line. ``LineReader`` reads the lines, and ``JSONObject`` the
/// objects. No object may have a key twice.
package final class JSONLinesReader {
    private let lines: LineReader
    private let areRows: Bool

    /// The place of the object that ``next()`` returned last, for an error about it: `FILE, line N`.
    package var location: String { lines.location }

    package var lineNumber: Int { lines.lineNumber }

    /// The bytes of the file that the object's line takes.
    package var place: Range<Int> { lines.place }

    /// - Parameter areRows: Whether the objects are whole rows, as ``FullRow`` takes them.
    /// - Throws: `.unreadable` if there is no such file or it cannot be opened.
    package init(path: String, areRows: Bool = false) throws(FormatError) {
        lines = try LineReader(path: path)
        self.areRows = areRows
    }

    /// - Returns: The next line's object, or nil after the last.
    package func next() throws(FormatError) -> JSONObject? {
        guard let line = try lines.next() else { return nil }
        do throws(FormatError) {
            let object = try JSONObject(line, isRow: areRows)
            try object.checkKeys()
            return object
        } catch {
            throw error.at(location)
        }
    }

    /// Reads an object again by the place of its line. The position of ``next()`` doesn't change.
    package func object(at place: Range<Int>) throws(FormatError) -> JSONObject {
        try JSONObject(lines.line(at: place), isRow: areRows)
    }
}
