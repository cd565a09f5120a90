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
        if live.slots == 0 { return [] }
        let count = min(count, most)
        let size = (live.slots + count - 1) / count
        var buckets = stride(from: 0, to: live.slots, by: size).map {
            SlotBucket(slots: $0..<min(live.slots, $0 + size))
        }
        var holeBytes = [Int64](repeating: 0, count: buckets.count)
        var extents = DataExtents(file)
        live.forEachRun(live: true) { run in
            for index in run.lowerBound / size...(run.upperBound - 1) / size {
                buckets[index].live += run.clamped(to: buckets[index].slots).count
            }
        }
        live.forEachRun(live: false) { run in
            for index in run.lowerBound / size...(run.upperBound - 1) / size {
                let slots = run.clamped(to: buckets[index].slots)
                let bytes = file.offset(slots.lowerBound)..<file.offset(slots.upperBound)
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
