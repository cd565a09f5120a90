/// A row on its way into a file.
package struct WrittenRow {
    package let id: JSONScalar
    package let vector: [Float]
    /// The text of a JSON object.
    package let metadata: String?

    package init(id: JSONScalar, vector: [Float], metadata: String?) {
        self.id = id
        self.vector = vector
        self.metadata = metadata
    }
}

/// Writes rows in a format.
package protocol ExportWriter: AnyObject {
    func append(_ row: WrittenRow) throws
    /// Writes what follows the last row.
    func end() throws
}

/// Where a format of text goes: to a file, or to standard output.
package protocol TextOutput: AnyObject {
    func append(_ text: String) throws
}

extension AtomicFile: TextOutput {
    func append(_ text: String) throws { try append(text.utf8) }
}

/// What a format can't keep of a row. An export asks for every row before it writes the first.
package protocol RowLimits {
    /// Whether the limits concern the vectors; if not, ``check(_:)`` may get rows without them.
    var needVectors: Bool { get }
    /// - Throws: `.invalid`, without the row's id.
    func check(_ row: WrittenRow) throws(FormatError)
}
