/// The rows of a JSON Lines file, one object a line.
final class JSONLinesRowReader: RowReader {
    private let lines: LineReader
    private let source: RowSource
    private var rows: JSONRowParser

    var rowCount: Int? { nil }
    var dimension: Int? { rows.dimension }

    init(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError) {
        self.source = source
        rows = JSONRowParser(options)
        lines = try LineReader(source)
    }

    func read(_ maximumRows: Int, into batch: inout RowBatch) throws(FormatError) -> Int {
        batch.clear()
        batch.source = source.name
        batch.place = .line
        do throws(FormatError) {
            while batch.hasRoom(for: maximumRows), let range = try lines.nextRange() {
                do throws(FormatError) { try rows.add(lines.input.bytes, range, to: &batch) } catch {
                    throw error.at(lines.location)
                }
                batch.places.append(lines.lineNumber)
            }
        } catch {
            batch.clear()
            throw error
        }
        batch.dimension = rows.dimension ?? 0
        return batch.count
    }
}
