/// The way to write rows in a format.
struct RowWriting: Sendable {
    enum Begin: Sendable {
        /// Writes one text, also to standard output.
        case text(@Sendable (any TextOutput, RowWriterOptions) throws -> any ExportWriter)
        /// Writes a file, and a file of metadata beside it if `metadata` is its ending.
        case files(metadata: String? = nil, @Sendable (OutputFiles, RowWriterOptions) throws -> any ExportWriter)
    }

    let begin: Begin
    var limits: @Sendable (RowWriterOptions) throws(FormatError) -> (any RowLimits)? = { _ in nil }
}

/// What a writer is given besides its output.
package struct RowWriterOptions: Sendable {
    package let description: ExportDescription
    /// The name of the table, for a database.
    package let table: String
    package let index: PostgresTable.VectorIndex
    package let action: PostgresScript.Action

    package init(
        _ description: ExportDescription,
        table: String,
        index: PostgresTable.VectorIndex,
        action: PostgresScript.Action
    ) {
        self.description = description
        self.table = table
        self.index = index
        self.action = action
    }
}

/// Of a format that an export writes: ``RowFormat/written``.
extension RowFormat {
    private var begin: RowWriting.Begin {
        guard let writing else { preconditionFailure("\(name) isn't among the formats that are written") }
        return writing.begin
    }

    /// Whether rows in this format can go to standard output.
    package var isText: Bool {
        if case .text = begin { true } else { false }
    }

    /// The limits that rows must keep to; nil if the format has none.
    ///
    /// - Throws: `.invalid` if the format can have no such vectors.
    package func limits(_ options: RowWriterOptions) throws(FormatError) -> (any RowLimits)? {
        try writing?.limits(options)
    }

    /// Opens the files of an export to `path`.
    package func files(_ path: String, _ description: ExportDescription) throws(FormatError) -> OutputFiles {
        guard case .files(let ending?, _) = begin else { return try OutputFiles(path, [], description) }
        let name = path.utf8.lastIndex(of: UInt8(ascii: "/")).map { path[path.utf8.index(after: $0)...] } ?? path[...]
        let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) ?? path.endIndex
        return try OutputFiles(path, ["\(path[..<dot]).\(ending)"], description)
    }

    /// Begins to write to files.
    package func writer(to files: OutputFiles, _ options: RowWriterOptions) throws -> any ExportWriter {
        switch begin {
        case .text(let make): try make(files.files[0], options)
        case .files(_, let make): try make(files, options)
        }
    }

    /// Begins to write to standard output, in a format that ``isText``.
    package func writer(to output: any TextOutput, _ options: RowWriterOptions) throws -> any ExportWriter {
        guard case .text(let make) = begin else { preconditionFailure("\(name) is no text") }
        return try make(output, options)
    }
}
