import Lacuna

/// The appearance of a bucket of slots in a picture.
enum SlotKind: CaseIterable {
    case live, mixed, dead, punched

    init(_ bucket: SlotBucket) {
        if bucket.liveRows == bucket.slots.count {
            self = .live
        } else if bucket.liveRows > 0 {
            self = .mixed
        } else {
            self = bucket.punchedRows > bucket.deadRows ? .punched : .dead
        }
    }

    var word: String {
        switch self {
        case .live: "live"
        case .mixed: "live and dead"
        case .dead: "dead"
        case .punched: "punched (blocks given back)"
        }
    }

    /// Colours of Okabe and Ito on white: colour-blind people can tell them apart.
    var fill: String {
        switch self {
        case .live: "#0072b2"
        case .mixed: "#56b4e9"
        case .dead: "#e69f00"
        case .punched: "#e8e8e8"
        }
    }
}

/// Neighbouring buckets of one kind.
struct SlotStretch {
    let kind: SlotKind
    var buckets: Range<Int>

    static func runs(_ buckets: ArraySlice<SlotBucket>) -> [SlotStretch] {
        var runs: [SlotStretch] = []
        for index in buckets.indices {
            let kind = SlotKind(buckets[index])
            if let last = runs.last, last.kind == kind {
                runs[runs.count - 1].buckets = last.buckets.lowerBound..<index + 1
            } else {
                runs.append(SlotStretch(kind: kind, buckets: index..<index + 1))
            }
        }
        return runs
    }
}

/// The map's numbers, in words.
struct SlotTotals {
    let live: Int
    let dead: Int
    let punched: Int

    init(_ buckets: [SlotBucket]) {
        live = buckets.reduce(0) { $0 + $1.liveRows }
        dead = buckets.reduce(0) { $0 + $1.deadRows }
        punched = buckets.reduce(0) { $0 + $1.punchedRows }
    }

    var text: String {
        let rows = live + dead + punched
        guard rows > 0 else { return "no rows" }
        let share = decimal(100 * Double(dead + punched) / Double(rows), 1)
        return "\(counted(rows, "row")): \(grouped(live)) live, \(grouped(dead)) dead, \(grouped(punched)) punched; "
            + "\(share) % fragmented"
    }
}
