#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// How near two vectors are; fixed when the store is created. Lower distances are nearer.
public enum DistanceMetric: String, Sendable, CaseIterable {
    /// 1 − cos(a, b), from 0 to 2; 1 where either vector is zero.
    case cosine
    /// −a·b.
    case dot
    /// √Σ(a − b)².
    case euclidean
}

/// The one row of the table `store`: the state that a commit makes *the* state.
struct StoreRecord: Equatable, Sendable {
    let uuid: String
    /// The UUID's 16 bytes.
    let uuidBytes: [UInt8]
    let dimension: Int
    let metric: DistanceMetric
    let idKind: VectorIDKind
    var generation: Int64
    var nextGeneration: Int64
    var dataFile: String
    /// Where the next row goes: the end of the rows that the index may name.
    var nextOffset: Int64
    var commitSequence: Int64
    var readerEpoch: Int64
    var liveRows: Int64

    var stride: Int64 { Int64(dimension) * DataFileHeader.elementSize }
    /// Rows of the file below the next offset, live and dead.
    var slots: Int { Int((nextOffset - DataFileHeader.length) / stride) }
    var deadBytes: Int64 { nextOffset - DataFileHeader.length - liveRows * stride }
    /// 1 − live bytes ÷ bytes of all rows.
    var fragmentation: Double { slots == 0 ? 0 : 1 - Double(liveRows) / Double(slots) }

    /// The data file's header as this record wants it.
    var header: DataFileHeader {
        DataFileHeader(store: uuidBytes, generation: generation, dimension: dimension)
    }

    private static func bytes(of uuid: String) -> [UInt8] {
        guard let uuid = UUID(uuidString: uuid) else { return [] }
        return unsafe withUnsafeBytes(of: uuid.uuid) { unsafe Array($0) }
    }

    static func newUUID() -> String { UUID().uuidString.lowercased() }

    static let columns = """
        uuid, dimension, metric, id_kind, generation, next_generation, data_file, next_offset, commit_sequence, \
        reader_epoch, live_rows
        """

    /// Reads the columns above, and believes none of them.
    init(_ row: Statement) throws(VectorStoreError) {
        uuid = try row.text(0)
        uuidBytes = Self.bytes(of: uuid)
        dimension = Int(row.integer(1))
        guard let metric = DistanceMetric(rawValue: try row.text(2)),
            let idKind = VectorIDKind(rawValue: try row.text(3))
        else { throw .damaged("the metric or the id kind in the index is unknown") }
        self.metric = metric
        self.idKind = idKind
        generation = row.integer(4)
        nextGeneration = row.integer(5)
        dataFile = try row.text(6)
        nextOffset = row.integer(7)
        commitSequence = row.integer(8)
        readerEpoch = row.integer(9)
        liveRows = row.integer(10)
        guard DataFileHeader.dimensions.contains(dimension), uuidBytes.count == 16,
            generation >= 1, generation < nextGeneration, nextGeneration < .max,
            dataFile == StorePaths.dataFileName(generation: generation),
            nextOffset >= DataFileHeader.length, nextOffset <= Int64.max / 4,
            (nextOffset - DataFileHeader.length) % stride == 0,
            commitSequence >= 0, commitSequence < .max, readerEpoch >= 0, readerEpoch < .max,
            liveRows >= 0, liveRows <= (nextOffset - DataFileHeader.length) / stride
        else { throw .damaged("a field of the index's table `store` is out of range") }
    }

    /// The record of a new store.
    init(dimension: Int, metric: DistanceMetric, idKind: VectorIDKind) {
        uuid = Self.newUUID()
        uuidBytes = Self.bytes(of: uuid)
        self.dimension = dimension
        self.metric = metric
        self.idKind = idKind
        generation = 1
        nextGeneration = 2
        dataFile = StorePaths.dataFileName(generation: 1)
        nextOffset = DataFileHeader.length
        commitSequence = 0
        readerEpoch = 0
        liveRows = 0
    }
}
