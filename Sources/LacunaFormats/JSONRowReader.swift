/// The rows of a JSON file: an array of objects, or an object with such an array, as the answer of an embeddings API is.
final class JSONRowReader: RowReader {
    private let elements: JSONElements
    private let source: RowSource
    private var rows: JSONRowParser
    /// Whether the position of a row in the answer must be its `index`, so that row n is of the n-th input.
    private let checksIndex: Bool
    private static let memberOfAnswer = "data"
    private static let index = "index"

    var rowCount: Int? { nil }
    var dimension: Int? { rows.dimension }

    init(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError) {
        self.source = source
        elements = try JSONElements(source, member: options.table ?? Self.memberOfAnswer)
        checksIndex = elements.isMember && options.table == nil && options.idField != Self.index
        rows = JSONRowParser(options, ignoring: checksIndex ? [Self.index, "object"] : [])
    }

    func read(_ maximumRows: Int, into batch: inout RowBatch) throws(FormatError) -> Int {
        batch.clear()
        batch.source = source.name
        batch.place = .line
        do throws(FormatError) {
            while batch.hasRoom(for: maximumRows), let range = try elements.next() {
                let number = elements.count - 1
                do throws(FormatError) {
                    try rows.add(elements.input.bytes, range, to: &batch) { object throws(FormatError) in
                        if checksIndex { try Self.check(object, number) }
                    }
                } catch { throw error.at("\(source.name), line \(elements.elementLine), row \(number)") }
                batch.places.append(elements.elementLine)
            }
        } catch {
            batch.clear()
            throw error
        }
        batch.dimension = rows.dimension ?? 0
        return batch.count
    }

    private static func check(_ object: JSONObject, _ number: Int) throws(FormatError) {
        guard let index = try object.member(named: index)?.rawValue, index != "\(number)" else { return }
        throw FormatError.invalid(
            "the row's index is \(excerpt(index)), and its place in the answer \(number)",
            remedy: "sort the rows by index, or make it the id with --id-field index"
        )
    }
}
