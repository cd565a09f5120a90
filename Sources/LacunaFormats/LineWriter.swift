/// Writes a text file of lines, buffered.
///
/// The file appears under its name only when it is finished, whole and synced; until then it is `NAME.lacuna-partial`, deleted
/// when anything fails or the writer is dropped.
package final class LineWriter {
    private let file: AtomicFile
    private var lines = 0

    package convenience init(path: String) throws(FormatError) {
        self.init(try AtomicFile(path))
    }

    init(_ file: AtomicFile) { self.file = file }

    /// Appends a text and a line feed. The text must have no line feed or carriage return
    /// (``JSONObject/singleLine(_:)``).
    package func append(_ line: String) throws(FormatError) {
        guard !line.utf8.contains(where: { $0 == 0x0A || $0 == 0x0D }) else {
            throw FormatError.invalid(
                "\(file.path), line \(lines + 1)",
                "the text breaks its line",
                remedy: "write it on one"
            )
        }
        try file.append(line.utf8)
        try file.append(CollectionOfOne(0x0A))
        lines += 1
    }

    /// Makes the file durable and gives it its name. Nothing can be appended after it.
    ///
    /// - Returns: The file's length in bytes.
    package func finish() throws(FormatError) -> Int {
        try file.finish()
    }

    /// Makes the file durable and gives it its name, unless another file has it. Nothing can be appended after it.
    package func finishNew() throws(FormatError) {
        try file.complete()
        try file.publish(.new)
    }
}
