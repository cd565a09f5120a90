/// Counts the rows in some neighbouring slots of the data file.
public struct SlotBucket: Sendable, Equatable {
    /// The slots, counted from 0 in the order of the file.
    public var slots: Range<Int>
    /// The number of live rows.
    public var liveRows: Int
    /// The number of dead rows that still occupy disk.
    public var deadRows: Int
    /// The number of dead rows whose blocks were given back.
    public var punchedRows: Int

    /// Makes a bucket, as for a preview or a test.
    public init(slots: Range<Int>, liveRows: Int = 0, deadRows: Int = 0, punchedRows: Int = 0) {
        self.slots = slots
        self.liveRows = liveRows
        self.deadRows = deadRows
        self.punchedRows = punchedRows
    }
}

extension SlotBucket {
    /// The largest number of buckets. It bounds their memory, whatever a file claims to contain; nobody looks at more
    /// of them one by one.
    private static let most = 1 << 20

    /// Divides the slots of a file into at most `count` buckets of the same size; the last may be smaller.
    static func measure(_ live: LiveBitmap, _ file: DataFile, count: Int) -> [SlotBucket] {
        let slots = live.slots.number
        if slots == 0 { return [] }
        let count = min(count, most)
        let size = (slots + count - 1) / count
        var buckets = stride(from: 0, to: slots, by: size).map { SlotBucket(slots: $0..<min(slots, $0 + size)) }
        func forEachBucket(of run: Range<Slot>, _ body: (Int, Range<Int>) -> Void) {
            let run = run.lowerBound.number..<run.upperBound.number
            for index in run.lowerBound / size...(run.upperBound - 1) / size {
                body(index, run.clamped(to: buckets[index].slots))
            }
        }
        var holeBytes = [Int64](repeating: 0, count: buckets.count)
        var extents = DataExtents(file)
        live.forEachStretch(live: true) { run in
            forEachBucket(of: run) { index, slots in buckets[index].liveRows += slots.count }
        }
        live.forEachStretch(live: false) { run in
            forEachBucket(of: run) { index, slots in
                let bytes = file.layout.offsets(Slot(slots.lowerBound)..<Slot(slots.upperBound))
                buckets[index].deadRows += slots.count
                holeBytes[index] += bytes.upperBound - bytes.lowerBound - extents.bytes(in: bytes)
            }
        }
        for index in buckets.indices {
            // A hole covers whole blocks, so rows at its edges keep a part of their bytes; the number is that of the
            // hole's bytes in rows.
            let punched = Int(holeBytes[index] / file.stride)
            buckets[index].punchedRows = punched
            buckets[index].deadRows -= punched
        }
        return buckets
    }
}
