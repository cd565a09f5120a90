/// A live row: its id, its slot, and the checksum over its bytes and its id.
struct LiveRow: Equatable, Sendable {
    let id: SQLValue
    let slot: Slot
    let checksum: UInt32
}

/// Looks up entries of runs, slot by slot. Keeps the run that it has read last, since neighbours are mostly in one run.
final class RunReader {
    private let index: StoreIndex
    private let generation: Int64
    /// More than one if the kind of the ids isn't known.
    private let codecs: [RunCodec]
    private var run = PendingRun(at: Slot(0))

    init(_ index: StoreIndex, _ generation: Int64, _ codecs: [RunCodec]) {
        self.index = index
        self.generation = generation
        self.codecs = codecs
    }

    convenience init(_ index: StoreIndex, _ record: StoreRecord) {
        self.init(index, record.generation, [record.codec])
    }

    /// The row that was put into a slot; nil if no run describes the slot.
    func row(in slot: Slot) throws(VectorStoreError) -> LiveRow? { try row(in: slot, codecs[0]) }

    /// The checksum of the row in a slot; nil if no run describes the slot, or if its entry has another id.
    func checksum(of id: SQLValue, in slot: Slot) throws(VectorStoreError) -> UInt32? {
        for codec in codecs {
            do throws(VectorStoreError) {
                if let row = try row(in: slot, codec), row.id.isSameID(as: id) { return row.checksum }
            } catch {
                if codecs.count == 1 { throw error }
            }
        }
        return nil
    }

    private func row(in slot: Slot, _ codec: RunCodec) throws(VectorStoreError) -> LiveRow? {
        if slot < run.first || slot >= run.end {
            guard let found = try index.lastRun(generation, before: slot.advanced(by: 1)), slot < found.end else {
                return nil
            }
            run = found
        }
        let blob = run.bytes
        return try unsafe blob.span.withUnsafeBytes { bytes throws(VectorStoreError) in
            let (id, checksum) = try unsafe codec.entry(run.first.distance(to: slot), of: bytes)
            return unsafe codec.id(id).map { LiveRow(id: $0, slot: slot, checksum: checksum) }
        }
    }
}
