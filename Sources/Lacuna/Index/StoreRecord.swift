#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The record: the one row of the table `store`, which says what the current state is.
struct StoreRecord: Equatable, Sendable {
    let uuid: UUID
    /// The UUID's 16 bytes.
    let uuidBytes: [UInt8]
    /// Only a re-embedding changes it.
    var layout: RowLayout
    let metric: DistanceMetric
    let idKind: VectorIDKind
    var generation: Int64
    var nextGeneration: Int64
    var dataFile: String
    /// The slot for the next row. The index may name only slots before it.
    var nextSlot: Slot
    var commitSequence: Int64
    /// The last commit that has put a row into a slot that had held another row, or made that possible.
    var moved: Int64
    var readerEpoch: Int64
    var liveRows: Int64

    var dimension: Int { layout.dimension }
    var stride: Int64 { layout.stride }
    /// The offset of the data file after the last row.
    var rowsEnd: Int64 { layout.offset(nextSlot) }
    var deadRows: Int64 { Int64(nextSlot.number) - liveRows }
    /// 1 − live rows ÷ all rows.
    var fragmentation: Double { nextSlot.number == 0 ? 0 : 1 - Double(liveRows) / Double(nextSlot.number) }
    var codec: RunCodec { RunCodec(kind: idKind) }

    /// Takes the number for the next data file. It can't be confused with the current one in the keys of `runs` and
    /// `dead`.
    mutating func takeGeneration() -> Int64 {
        if GenerationKey.areAlike(nextGeneration, generation) { nextGeneration += 1 }
        defer { nextGeneration += 1 }
        return nextGeneration
    }

    /// The header that this record's data file must have.
    var header: DataFileHeader {
        DataFileHeader(store: uuidBytes, generation: generation, layout)
    }

    private static func bytes(of uuid: UUID) -> [UInt8] { unsafe withUnsafeBytes(of: uuid.uuid) { unsafe Array($0) } }

    static let columns = """
        uuid, dimension, metric, id_kind, generation, next_generation, data_file, next_slot, commit_sequence, \
        reader_epoch, live_rows, moved, element
        """

    /// The same columns in schema versions 1 and 2.
    static let earlierColumns = """
        uuid, dimension, metric, id_kind, generation, next_generation, data_file, \
        CASE (next_offset - 4096) % (4 * dimension) WHEN 0 THEN (next_offset - 4096) / (4 * dimension) ELSE -1 END, \
        commit_sequence, reader_epoch, live_rows, 0, element
        """

    /// Reads the columns above, and checks each of them.
    init(_ row: Statement) throws(VectorStoreError) {
        var text = try row.text(0)
        // Quickly as this library writes it: the record is read in each transaction.
        guard let uuid = text.withUTF8({ unsafe UUID(canonicalText: $0) }) ?? UUID(uuidString: text) else {
            throw Self.outOfRange
        }
        self.uuid = uuid
        uuidBytes = Self.bytes(of: uuid)
        guard let dimension = Int(exactly: row.integer(1)), DataFileHeader.dimensions.contains(dimension) else {
            throw Self.outOfRange
        }
        guard let metric = DistanceMetric(rawValue: try row.text(2)),
            let idKind = VectorIDKind(rawValue: try row.text(3)),
            let element = ElementType(rawValue: try row.text(12))
        else { throw .damaged("the metric, the id kind or the element type in the index is unknown") }
        layout = RowLayout(dimension: dimension, element: element)
        self.metric = metric
        self.idKind = idKind
        generation = row.integer(4)
        nextGeneration = row.integer(5)
        dataFile = try row.text(6)
        let slots = row.integer(7)
        nextSlot = Slot(Int(slots))
        commitSequence = row.integer(8)
        readerEpoch = row.integer(9)
        liveRows = row.integer(10)
        moved = row.integer(11)
        guard generation >= 1, generation < nextGeneration, nextGeneration < .max - 2,
            dataFile == StorePaths.dataFileName(generation: generation, element),
            (0...Int64(Slot.most)).contains(slots),
            commitSequence >= 0, commitSequence < .max, readerEpoch >= 0, readerEpoch < .max,
            (0...slots).contains(liveRows), (0...commitSequence).contains(moved)
        else { throw Self.outOfRange }
    }

    private static var outOfRange: VectorStoreError { .damaged("a field of the index's table `store` is out of range") }

    /// The record of a new store.
    init(dimension: Int, element: ElementType = .float32, metric: DistanceMetric, idKind: VectorIDKind) {
        uuid = UUID()
        uuidBytes = Self.bytes(of: uuid)
        layout = RowLayout(dimension: dimension, element: element)
        self.metric = metric
        self.idKind = idKind
        generation = 1
        nextGeneration = 2
        dataFile = StorePaths.dataFileName(generation: 1, element)
        nextSlot = Slot(0)
        commitSequence = 0
        moved = 0
        readerEpoch = 0
        liveRows = 0
    }
}
