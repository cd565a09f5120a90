import Lacuna

/// The section on the use of the disk: a bar, a table, and the map of the data file.
struct ReportSpace {
    let overview: StoreOverview

    /// A use of the disk. `style` is its class in the style sheet.
    private struct Use {
        let style: HTML
        let name: String
        let note: String
        let bytes: Int64
        /// Whether these bytes occupy the disk, as part of the bar.
        var isOnDisk = true
    }

    var html: HTML {
        section(
            "space",
            "Space",
            part(overview.space) { measured in
                let totals = SlotTotals(measured.slots)
                return """
                    \(bar(uses(measured.space, totals)))
                    \(table(uses(measured.space, totals), measured.space))
                    \(advice(measured.space))
                    \(ReportMap(slots: measured.slots, dataFile: overview.info.dataFile).html)
                    """
            }
        )
    }

    private func uses(_ space: StoreSpace, _ totals: SlotTotals) -> [Use] {
        let rows = Int64(space.liveRows + space.deadRows)
        let rowBytes = rows == 0 ? 0 : (space.liveBytes + space.deadBytes) / rows
        let released = Int64(totals.punched) * rowBytes
        let fields = overview.indexes.map { counted($0.count, "index", plural: "indexes") + " on metadata" }
        return [
            Use(style: "live", name: "Live rows", note: counted(space.liveRows, "row"), bytes: space.liveBytes),
            Use(
                style: "dead",
                name: "Dead rows",
                note: "\(counted(space.deadRows - totals.punched, "row")), until a compaction",
                bytes: space.deadBytes - released
            ),
            Use(
                style: "released",
                name: "Dead rows, given back",
                note: "\(counted(totals.punched, "row")), without disk blocks",
                bytes: released,
                isOnDisk: false
            ),
            Use(
                style: "reserved",
                name: "Reserved",
                note: "header, and room for new rows",
                bytes: space.logicalBytes - space.liveBytes - space.deadBytes
            ),
            Use(style: "codes", name: "Codes", note: "of \(counted(space.codedSlots, "row"))", bytes: space.codesBytes),
            Use(
                style: "index",
                name: "Index",
                note: "ids, metadata, \((try? fields.get()) ?? "indexes on metadata"), and the log",
                bytes: space.indexBytes
            ),
        ].filter { $0.bytes > 0 }
    }

    private func bar(_ uses: [Use]) -> HTML {
        let uses = uses.filter { $0.isOnDisk && $0.bytes > 0 }
        let total = Double(max(1, uses.reduce(0) { $0 + $1.bytes }))
        var x = 0.0
        let parts: [HTML] = uses.map { use in
            let width = Double(use.bytes) / total * 1_000
            defer { x += width }
            return
                "<rect class=\"\(use.style)\" x=\"\(decimal(x, 2))\" width=\"\(decimal(width, 2))\" height=\"1\"/>"
        }
        let shares = uses.map { "\($0.name) \(percent($0.bytes, of: total))" }.joined(separator: ", ")
        return """
            <figure class="bar">
            <svg viewBox="0 0 1000 1" preserveAspectRatio="none" role="img" aria-labelledby="bar-title">
            <title id="bar-title">What the files of the store are used for: \(shares)</title>
            \(parts.joined(separator: "\n"))
            </svg>
            </figure>
            """
    }

    private func table(_ uses: [Use], _ space: StoreSpace) -> HTML {
        let total = Double(max(1, uses.filter(\.isOnDisk).reduce(0) { $0 + $1.bytes }))
        return HTMLTable(
            caption: "Bytes by kind",
            columns: [.text("Kind"), .number("Size"), .number("Share")],
            rows: uses.map { use in
                [
                    "<span class=\"swatch \(use.style)\"></span>\(use.name)<small>\(use.note)</small>",
                    "\(byteText(use.bytes))",
                    use.isOnDisk ? "\(percent(use.bytes, of: total))" : "–",
                ]
            }
        ).html
            + """
            <p>The data file is \(byteText(space.logicalBytes)) long and occupies \(byteText(space.allocatedBytes)) of \
            the disk, as the file system counts.</p>
            """
    }

    /// What could be done about the dead rows.
    private func advice(_ space: StoreSpace) -> HTML? {
        if space.deadRows == 0 { return "<p>No row is dead: a compaction would give back nothing.</p>" }
        let punch: HTML =
            space.punchableBytes > 0
            ? ", or \(byteText(space.punchableBytes)) by punching alone, without moving a row" : ""
        return """
            <p>A compaction can give back up to \(byteText(space.deadBytes))\(punch). \
            <code>lacuna compact STORE --dry-run</code> says what it would do, and why.</p>
            """
    }

    private func percent(_ bytes: Int64, of total: Double) -> String {
        "\(decimal(Double(bytes) / total * 100, 1)) %"
    }
}
