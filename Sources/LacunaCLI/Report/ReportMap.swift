import Lacuna

/// The map of the data file. Each cell stands for the same number of slots, and is filled from below: live rows, then
/// dead ones, then those whose blocks were given back.
struct ReportMap {
    let slots: [SlotBucket]
    let dataFile: String

    static let cells = columns * 16
    private static let columns = 64
    /// A cell is 9 units wide and high, and begins 10 after the one before.
    private static let pitch = 10
    private static let size = 9.0

    var html: HTML {
        guard let first = slots.first else { return "<p>The data file has no rows yet.</p>" }
        let lines = (slots.count + Self.columns - 1) / Self.columns
        let width = Self.columns * Self.pitch
        return """
            <figure>
            <svg viewBox="0 0 \(width) \(lines * Self.pitch)" role="img" aria-labelledby="map-title map-text">
            <title id="map-title">Where the rows lie in \(dataFile)</title>
            <desc id="map-text">\(SlotTotals(slots).text)</desc>
            \(paths)
            </svg>
            <ul class="legend">
            <li><span class="swatch live"></span>live</li>
            <li><span class="swatch dead"></span>dead</li>
            <li><span class="swatch released"></span>dead, given back</li>
            </ul>
            <figcaption>The map of <code>\(dataFile)</code>: \(SlotTotals(slots).text). The file runs from left to \
            right, line by line. A cell is \(counted(first.slots.count, "slot")), filled from below.</figcaption>
            </figure>
            <details>
            <summary>The map in numbers</summary>
            \(table)
            </details>
            """
    }

    /// One path for each kind.
    private var paths: HTML {
        var live = ""
        var dead = ""
        var released = ""
        for (index, bucket) in slots.enumerated() {
            let x = index % Self.columns * Self.pitch
            var bottom = Double(index / Self.columns * Self.pitch) + Self.size
            func add(_ rows: Int, to path: inout String) {
                if rows == 0 { return }
                // Whatever is there can be seen.
                let height = max(0.5, Double(rows) / Double(bucket.slots.count) * Self.size)
                bottom -= height
                path += "M\(x) \(decimal(bottom, 1))h9v\(decimal(height, 1))h-9z"
            }
            add(bucket.liveRows, to: &live)
            add(bucket.deadRows, to: &dead)
            add(bucket.punchedRows, to: &released)
        }
        return """
            <path class="live" d="\(live)"/>
            <path class="dead" d="\(dead)"/>
            <path class="released" d="\(released)"/>
            """
    }

    private var table: HTML {
        let parts = min(slots.count, 16)
        return HTMLTable(
            caption: "The data file in \(parts) parts",
            columns: [.text("Slots"), .number("Live"), .number("Dead"), .number("Given back")],
            rows: (0..<parts).map { part in
                let buckets = Array(slots[slots.count * part / parts..<slots.count * (part + 1) / parts])
                let totals = SlotTotals(buckets)
                let (first, last) = (buckets.first?.slots.lowerBound ?? 0, buckets.last?.slots.upperBound ?? 0)
                return [
                    "\(grouped(first)) – \(grouped(last - 1))", "\(grouped(totals.live))", "\(grouped(totals.dead))",
                    "\(grouped(totals.punched))",
                ]
            }
        ).html
    }
}
