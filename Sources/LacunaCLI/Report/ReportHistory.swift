import Lacuna

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The section on what each compaction, erasure and re-embedding has found and given back.
struct ReportHistory {
    let overview: StoreOverview

    /// The plot has room for this many bars.
    private static let bars = 40

    var html: HTML {
        section(
            "history",
            "Compactions over time",
            part(overview.history) { history in
                if history.records.isEmpty { return "<p>The store was never compacted.</p>" }
                return "\(plot(history.records))\(table(history.records, history.all))"
            }
        )
    }

    // MARK: The plot

    /// Bars of the data file's size: the lower part stayed, the upper was given back.
    private func plot(_ records: [MaintenanceRecord]) -> HTML? {
        let ended = records.filter { $0.allocatedAfter != nil }.suffix(Self.bars)
        guard let first = ended.first, let last = ended.last else { return nil }
        let highest = ended.map { max($0.allocatedBefore, $0.allocatedAfter ?? 0) }.max() ?? 0
        let places = max(4, ended.count)
        let bars: [HTML] = ended.enumerated().map { place, record in
            let (before, after) = (Double(record.allocatedBefore), Double(record.allocatedAfter ?? 0))
            let top = Double(highest)
            return "\(bar(place, 0, after, "live", top))\(bar(place, after, before, "dead", top))"
        }
        let freed = ended.reduce(0.0) { $0 + max(0, Double($1.freedBytes ?? 0)) }
        return """
            <figure>
            <div class="plot" style="max-width: max(26rem, \(places * 3)rem)">
            <div class="scale" aria-hidden="true"><span>\(byteText(highest))</span>\
            <span>\(byteText(highest / 2))</span><span>0</span></div>
            <svg viewBox="0 0 \(places * 10) 100" preserveAspectRatio="none" role="img" aria-labelledby="plot-title">
            <title id="plot-title">The data file before and after \(counted(ended.count, "compaction")): \
            \(byteText(Int64(min(freed, 1e18)))) given back in all</title>
            \(bars.joined(separator: "\n"))
            </svg>
            <div class="ends" aria-hidden="true"><span>\(timeText(first.startedAt))</span>\
            \(ended.count > 1 ? "<span>\(timeText(last.startedAt))</span>" : nil)</div>
            </div>
            <ul class="legend">
            <li><span class="swatch live"></span>the data file after it</li>
            <li><span class="swatch dead"></span>given back</li>
            </ul>
            </figure>

            """
    }

    private func bar(_ place: Int, _ from: Double, _ to: Double, _ style: HTML, _ highest: Double) -> HTML? {
        guard from >= 0, to > from else { return nil }
        let (top, bottom) = (100 - to / highest * 100, 100 - from / highest * 100)
        return """
            <rect class="\(style)" x="\(place * 10 + 1)" width="8" y="\(decimal(top, 2))" \
            height="\(decimal(bottom - top, 2))"/>
            """
    }

    // MARK: The table

    private func table(_ records: [MaintenanceRecord], _ all: Int) -> HTML {
        let rows = records.reversed().map { record -> [HTML] in
            [
                "<span class=\"when\">\(timeText(record.startedAt))</span>", "\(record.strategy)",
                "\(grouped(record.liveRows))", "\(grouped(record.movedRows))", "\(byteText(record.writtenBytes))",
                "\(byteText(record.allocatedBefore))", "\(record.allocatedAfter.map(byteText) ?? "–")",
                "\(difference(record))", "\(duration(record))", outcome(record),
            ]
        }
        return HTMLTable(
            caption: all > rows.count ? "The newest \(grouped(rows.count)) of \(grouped(all))" : "Newest first",
            columns: [
                .text("Begun (UTC)"), .text("Strategy"), .number("Live rows"), .number("Moved"), .number("Written"),
                .number("Before"), .number("After"), .number("Given back"), .number("Took"), .text("Outcome"),
            ],
            rows: rows
        ).html
    }

    private func difference(_ record: MaintenanceRecord) -> String {
        guard let bytes = record.freedBytes else { return "–" }
        return bytes < 0 ? "−" + byteText(-bytes) : byteText(bytes)
    }

    private func duration(_ record: MaintenanceRecord) -> String {
        guard let begun = journalTime(record.startedAt), let ended = record.endedAt.flatMap(journalTime) else {
            return "–"
        }
        return "\(decimal(ended.timeIntervalSince(begun), 2)) s"
    }

    private func outcome(_ record: MaintenanceRecord) -> HTML {
        if let error = record.error { return "<div class=\"long\">\(record.state): \(error)</div>" }
        return record.endedAt == nil ? "\(record.state): not ended yet" : "\(record.state)"
    }
}

extension MaintenanceRecord {
    /// Negative if the file grew; nil as long as the work hasn't ended, and for numbers that can't be true.
    fileprivate var freedBytes: Int64? {
        guard let allocatedAfter, allocatedAfter >= 0, allocatedBefore >= 0 else { return nil }
        return allocatedBefore - allocatedAfter
    }
}
