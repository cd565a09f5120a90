/// Rows that a ``RowReader`` has read.
public struct RowBatch: Sendable {
    /// The number of components of each vector; 0 before a row was read.
    public internal(set) var dimension = 0
    /// The components of all vectors, row after row.
    public internal(set) var components: [Float] = []
    /// The id of each row; empty if the source has no ids.
    public internal(set) var ids: [RowID] = []
    /// The metadata of each row: the text of a JSON object without a line break; nil for a row that has none.
    public internal(set) var metadata: [String?] = []
    /// The place of each row in the source: a line counted from 1, or a row counted from 0.
    var places: [Int] = []
    var place = RowPlace.row
    var source = ""
    /// The bytes of text of the first `measured` rows.
    private var textBytes = 0
    private var measured = 0
    /// The most bytes of text, unless one row has more: 8 MiB.
    private static let mostTextBytes = 8 << 20

    /// A batch without rows.
    public init() {}

    /// The number of rows.
    public var count: Int { places.count }

    /// The vector of a row.
    ///
    /// - Parameter row: The row's position in this batch, counted from 0.
    public func vector(_ row: Int) -> [Float] { Array(components[componentRange(of: row)]) }

    /// The positions of a row's components in ``components``.
    public func componentRange(of row: Int) -> Range<Int> { row * dimension..<(row + 1) * dimension }

    /// The place of a row, for an error about it: `rows.jsonl, line 3`.
    public func location(of row: Int) -> String { place.location(places[row], in: source) }

    /// Whether a reader goes on to fill the batch. Texts may be long, so it isn't the number of rows alone that counts.
    mutating func hasRoom(for maximumRows: Int) -> Bool {
        while measured < metadata.count {
            textBytes += metadata[measured]?.utf8.count ?? 0
            if measured < ids.count { textBytes += ids[measured].textBytes }
            measured += 1
        }
        return count < maximumRows && textBytes < Self.mostTextBytes
    }

    /// Removes all rows, and keeps the memory.
    mutating func clear() {
        components.removeAll(keepingCapacity: true)
        ids.removeAll(keepingCapacity: true)
        metadata.removeAll(keepingCapacity: true)
        places.removeAll(keepingCapacity: true)
        (textBytes, measured) = (0, 0)
    }
}

/// The units in which the place of a row in its source is told.
enum RowPlace: Sendable {
    case row, line

    func location(_ number: Int, in source: String) -> String {
        switch self {
        case .row: "\(source), row \(number)"
        case .line: "\(source), line \(number)"
        }
    }
}

/// The id of a row in its source.
public enum RowID: Hashable, Sendable {
    case integer(Int64)
    case text(String)
    /// A text that may stand for an integer as well, because the format has only texts.
    case untyped(String)

    fileprivate var textBytes: Int {
        switch self {
        case .integer: 0
        case .text(let text), .untyped(let text): text.utf8.count
        }
    }
}

/// Checks that either all rows of a source have an id, or none has.
struct RowIDRule {
    private var areThere: Bool?

    mutating func add(_ id: RowID?, to batch: inout RowBatch) throws(FormatError) {
        if let areThere, areThere != (id != nil) {
            throw FormatError.invalid(
                areThere ? "the row has no id, and the first one has" : "the row has an id, and the first one has none",
                remedy: "give all rows an id, or none"
            )
        }
        areThere = id != nil
        if let id { batch.ids.append(id) }
    }
}
