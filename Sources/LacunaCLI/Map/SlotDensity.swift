import Lacuna

/// The character for a bucket of slots in the map on a terminal. Its height is the share of live rows, so that
/// scattered deletes look different from dense ones.
struct SlotDensity {
    let character: Character
    let style: Terminal.Style

    static let heights: [Character] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"]
    static let dead: Character = "░"
    static let punched: Character = "·"

    init(_ bucket: SlotBucket) {
        let share = Double(bucket.liveRows) / Double(max(1, bucket.slots.count))
        if bucket.liveRows == 0 {
            let isPunched = bucket.punchedRows > bucket.deadRows
            (character, style) = isPunched ? (Self.punched, .dim) : (Self.dead, .red)
        } else if bucket.liveRows == bucket.slots.count {
            (character, style) = (Self.heights[7], .blue)
        } else {
            // Only a bucket without dead rows is at full height.
            character = Self.heights[min(6, Int(share * 8))]
            style = share >= 0.5 ? .green : .yellow
        }
    }

    /// A line of the map: runs of one style share their colour codes.
    static func line(_ buckets: ArraySlice<SlotBucket>) -> String {
        var line = ""
        var run = ""
        var style: Terminal.Style?
        for density in buckets.map(SlotDensity.init) {
            if density.style != style, let last = style {
                line += Terminal.styled(run, last)
                run = ""
            }
            style = density.style
            run.append(density.character)
        }
        return line + (style.map { Terminal.styled(run, $0) } ?? "")
    }
}
