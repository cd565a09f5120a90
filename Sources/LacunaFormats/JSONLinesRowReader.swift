/// The rows of a JSON Lines file, one object a line.
final class JSONLinesRowReader: RowReader {
    private let lines: JSONLinesReader
    private let source: RowSource
    private let fields: JSONRowFields
    private var rule = RowIDRule()
    private(set) var dimension: Int?

    var rowCount: Int? { nil }

    init(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError) {
        self.source = source
        fields = JSONRowFields(options)
        dimension = options.dimension
        lines = try JSONLinesReader(source)
    }

    func read(_ maximumRows: Int, into batch: inout RowBatch) throws(FormatError) -> Int {
        batch.clear()
        batch.source = source.name
        batch.place = .line
        do throws(FormatError) {
            while batch.count < maximumRows, let object = try lines.next() { try add(object, to: &batch) }
        } catch {
            batch.clear()
            throw error
        }
        batch.dimension = dimension ?? 0
        return batch.count
    }

    private func add(_ object: JSONObject, to batch: inout RowBatch) throws(FormatError) {
        let row = try FullRow(object, fields, dimension: dimension, at: lines.location)
        dimension = row.vector.count
        batch.components.append(contentsOf: row.vector)
        batch.places.append(lines.lineNumber)
        try rule.add(row.id, to: &batch, at: lines.location)
        batch.metadata.append(row.metadata)
    }
}
