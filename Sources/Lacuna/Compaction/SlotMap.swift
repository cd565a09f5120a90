/// What a run of neighbouring slots of the data file holds, in rows.
public struct SlotBucket: Sendable, Equatable {
    /// The slots, counted from 0 in the order of the file.
    public let slots: Range<Int>
    /// Rows that an id names.
    public internal(set) var live = 0
    /// Dead rows that still occupy disk.
    public internal(set) var dead = 0
    /// Dead rows whose blocks were given back.
    public internal(set) var punched = 0
}

extension SlotBucket {
    /// More than that are none that anybody looks at one by one: the memory they take is bounded by it, whatever a file
    /// claims to hold.
    private static let most = 1 << 20

    /// The slots of a file in `count` buckets of the same size at most, of which the last may be smaller.
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
        live.forEachRun(live: true) { run in
            forEachBucket(of: run) { index, slots in buckets[index].live += slots.count }
        }
        live.forEachRun(live: false) { run in
            forEachBucket(of: run) { index, slots in
                let bytes = file.layout.offsets(Slot(slots.lowerBound)..<Slot(slots.upperBound))
                buckets[index].dead += slots.count
                holeBytes[index] += bytes.upperBound - bytes.lowerBound - extents.bytes(in: bytes)
            }
        }
        for index in buckets.indices {
            // A hole covers whole blocks, so rows at its edges are still there in part: rows' worth of bytes count.
            let punched = Int(holeBytes[index] / file.stride)
            buckets[index].punched = punched
            buckets[index].dead -= punched
        }
        return buckets
    }
}
