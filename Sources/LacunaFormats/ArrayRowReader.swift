/// The rows of a source that has only vectors, with the ids and the metadata of a JSON Lines file, if one is given.
final class ArrayRowReader: RowReader {
    private let vectors: any VectorRows
    private let source: RowSource
    private let metadata: JSONLinesReader?
    private let metadataFile: String?
    private var rule = RowIDRule()
    private var row = 0

    var rowCount: Int? { vectors.rowCount }
    var dimension: Int? { vectors.vectorDimension }

    init(_ vectors: any VectorRows, _ source: RowSource, _ options: RowReaderOptions) throws(FormatError) {
        self.vectors = vectors
        self.source = source
        metadataFile = options.metadataFile
        if let dimension = options.dimension, dimension != vectors.vectorDimension {
            throw VectorLimits.refusal(of: vectors.vectorDimension, expected: dimension).at(source.name)
        }
        guard let path = options.metadataFile else {
            metadata = nil
            return
        }
        if let rows = vectors.rowCount {
            let lines = try LineReader.countLines(path: path)
            if lines != rows { throw Self.differentCounts(path, "\(lines)", source, "\(rows)") }
        }
        metadata = try JSONLinesReader(path: path)
    }

    static func npy(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError) -> any RowReader {
        try ArrayRowReader(NPYReader(source), source, options)
    }

    static func fvecs(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError) -> any RowReader {
        try ArrayRowReader(VECSReader(source, .float32), source, options)
    }

    static func bvecs(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError) -> any RowReader {
        try ArrayRowReader(VECSReader(source, .uint8), source, options)
    }

    func read(_ maximumRows: Int, into batch: inout RowBatch) throws(FormatError) -> Int {
        batch.clear()
        do throws(FormatError) { try fill(&batch, maximumRows) } catch {
            batch.clear()
            throw error
        }
        return batch.count
    }

    private func fill(_ batch: inout RowBatch, _ maximumRows: Int) throws(FormatError) {
        batch.dimension = vectors.vectorDimension
        guard let metadata, let metadataFile else {
            let count = try vectors.next(maximumRows, into: &batch.components)
            batch.source = source.name
            batch.place = .row
            batch.places.append(contentsOf: row..<row + count)
            batch.metadata.append(contentsOf: repeatElement(nil, count: count))
            row += count
            return
        }
        batch.source = metadataFile
        batch.place = .line
        while batch.hasRoom(for: maximumRows), let object = try metadata.next() {
            let line = try FlatRow(object, at: metadata.location)
            do throws(FormatError) { try rule.add(line.id, to: &batch) } catch { throw error.at(metadata.location) }
            batch.metadata.append(line.metadata)
            batch.places.append(metadata.lineNumber)
        }
        let count = try vectors.next(max(1, batch.count), into: &batch.components)
        row += count
        if count < batch.count { throw Self.differentCounts(metadataFile, "more", source, "\(row)") }
        if count > batch.count { throw Self.differentCounts(metadataFile, "\(row - count)", source, "more") }
    }

    private static func differentCounts(
        _ path: String,
        _ lines: String,
        _ source: RowSource,
        _ rows: String
    ) -> FormatError {
        .invalid(
            "\(path) has \(counted(lines, "line")) for the \(counted(rows, "row")) of \(source.name)",
            remedy: "give one for each row"
        )
    }
}

/// A source that has only vectors.
package protocol VectorRows: AnyObject {
    /// Nil if only the source's end tells it.
    var rowCount: Int? { get }
    var vectorDimension: Int { get }
    /// Reads the next rows, at most `maximumRows` of them, into `buffer`, row after row, and resizes it to them.
    func next(_ maximumRows: Int, into buffer: inout [Float]) throws(FormatError) -> Int
}

extension NPYReader: VectorRows {
    package var rowCount: Int? { rows }
    package var vectorDimension: Int { dimension }
}

extension VECSReader: VectorRows {
    package var rowCount: Int? { rows }
    package var vectorDimension: Int { dimension }
}
