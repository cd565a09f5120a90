import Foundation

/// Lines over logarithmic axes, as SVG that is legible on a light and on a dark page.
struct Plot {
    struct Point {
        let x: Double
        let y: Double
    }

    struct Series {
        let name: String
        let points: [Point]
    }

    private let series: [Series]
    /// Powers of ten.
    private let columns: ClosedRange<Int>
    private let rows: ClosedRange<Int>

    private static let (width, height) = (930.0, 520.0)
    private static let (left, right, top, bottom) = (80.0, 290.0, 44.0, 56.0)
    /// The distance between the baselines of labels.
    private static let lineHeight = 17.0
    /// Most colour-blind people can tell these colours apart, and they are legible on dark and light pages.
    private static let colours = [
        "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#3a9ad9", "#8f5fbf", "#7f7f7f", "#c0392b", "#5b8c2a",
        "#17a2a2", "#5a4fcf", "#a0522d",
    ]

    /// Nil if there is nothing to draw.
    init?(_ series: [Series]) {
        let points = series.flatMap(\.points)
        guard let columns = Self.decades(points.map(\.x)), let rows = Self.decades(points.map(\.y)) else { return nil }
        self.series = series.sorted { ($0.points.last?.y ?? 0) > ($1.points.last?.y ?? 0) }
        (self.columns, self.rows) = (columns, rows)
    }

    private static func decades(_ values: [Double]) -> ClosedRange<Int>? {
        guard let least = values.min(), let most = values.max(), least > 0 else { return nil }
        let first = Int(log10(least).rounded(.down))
        return first...max(first + 1, Int(log10(most).rounded(.up)))
    }

    var svg: String {
        let (width, height) = (Int(Self.width), Int(Self.height))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width) \(height)" width="\(width)" height="\(height)" \
            font-family="system-ui, sans-serif" font-size="13">
            <title>What a row costs as the store grows</title>
            <style>
            text { fill: #333 } .grid { stroke: #ddd } .line { fill: none; stroke-width: 2 }
            .leader { stroke-opacity: 0.5 }
            @media (prefers-color-scheme: dark) { text { fill: #ddd } .grid { stroke: #444 } }
            </style>
            \((grid + lines).joined(separator: "\n"))
            </svg>
            """
    }

    private var grid: [String] {
        let (bottom, right) = (Self.height - Self.bottom, Self.width - Self.right)
        let vertical = columns.flatMap { power in
            let at = x(pow(10, Double(power)))
            return [
                Self.path("grid", [(at, Self.top), (at, bottom)]),
                Self.text(Self.label(power), at, bottom + 20, anchor: "middle"),
            ]
        }
        let horizontal = rows.flatMap { power in
            let at = y(pow(10, Double(power)))
            return [
                Self.path("grid", [(Self.left, at), (right, at)]),
                Self.text(Self.label(power), Self.left - 8, at + 4, anchor: "end"),
            ]
        }
        return vertical + horizontal + [
            Self.text("rows in the store", (Self.left + right) / 2, Self.height - 12, anchor: "middle"),
            Self.text("µs a row (a call, for put, get and open)", Self.left, Self.top - 18, anchor: "start"),
        ]
    }

    private var lines: [String] {
        zip(series, labelHeights).enumerated().flatMap { number, line in
            let (series, height) = line
            let colour = Self.colours[number % Self.colours.count]
            let points = series.points.map { (x($0.x), y($0.y)) }
            let end = points.last ?? (0, 0)
            let label = (Self.width - Self.right + 26, height)
            let dots = points.map { x, y in
                "<circle cx=\"\(Self.short(x))\" cy=\"\(Self.short(y))\" r=\"3\" fill=\"\(colour)\"/>"
            }
            return [
                Self.path("line", points, "stroke=\"\(colour)\""),
                // A line to the label, which may have been moved to make room for another.
                Self.path("leader", [end, (label.0 - 6, height)], "stroke=\"\(colour)\""),
            ] + dots + [Self.text(Self.labelText(series), label.0, height + 4, anchor: "start")]
        }
    }

    private static func labelText(_ series: Series) -> String {
        let last = series.points.last?.y ?? 0
        return "\(series.name): \(last < 100 ? String(format: "%.2g", last) : Int(last).formatted()) µs"
    }

    /// The heights of the labels, from top to bottom: beside the ends of their lines, or as near as other labels and
    /// the edge allow.
    private var labelHeights: [Double] {
        var heights: [Double] = []
        for series in series {
            let wanted = y(series.points.last?.y ?? 1)
            heights.append(max(wanted, heights.last.map { $0 + Self.lineHeight } ?? wanted))
        }
        var floor = Self.height - Self.bottom
        for index in heights.indices.reversed() {
            heights[index] = min(heights[index], floor)
            floor = heights[index] - Self.lineHeight
        }
        return heights
    }

    private func x(_ value: Double) -> Double {
        Self.left + (Self.width - Self.left - Self.right) * Self.share(value, of: columns)
    }

    private func y(_ value: Double) -> Double {
        Self.height - Self.bottom - (Self.height - Self.top - Self.bottom) * Self.share(value, of: rows)
    }

    private static func share(_ value: Double, of decades: ClosedRange<Int>) -> Double {
        (log10(value) - Double(decades.lowerBound)) / Double(decades.count - 1)
    }

    private static func label(_ power: Int) -> String {
        power < 0 ? "0." + String(repeating: "0", count: -power - 1) + "1" : Int(pow(10, Double(power))).formatted()
    }

    private static func path(_ name: String, _ points: [(Double, Double)], _ attributes: String = "") -> String {
        let steps = points.map { "\(short($0.0)) \(short($0.1))" }.joined(separator: " L")
        return "<path class=\"\(name)\" d=\"M\(steps)\" \(attributes)/>"
    }

    private static func text(_ text: String, _ x: Double, _ y: Double, anchor: String) -> String {
        "<text x=\"\(short(x))\" y=\"\(short(y))\" text-anchor=\"\(anchor)\">\(text)</text>"
    }

    private static func short(_ number: Double) -> String { String(format: "%.1f", number) }
}
