import Lacuna

/// The map as an SVG document: self-contained, with its own light background, so that it looks the same everywhere.
struct SlotMapPicture {
    static let cells = columns * rows
    private static let columns = 120
    private static let rows = 40

    private static let cellSize = 8
    private static let margin = 24
    private static let headHeight = 72
    private static let footHeight = 64

    private let buckets: [SlotBucket]
    private let dataFile: String

    init(_ buckets: [SlotBucket], _ dataFile: String) {
        self.buckets = buckets
        self.dataFile = dataFile
    }

    var lines: [String] {
        let width = Self.columns * Self.cellSize + 2 * Self.margin
        let mapRows = max(1, (buckets.count + Self.columns - 1) / Self.columns)
        let mapHeight = mapRows * Self.cellSize
        let height = Self.headHeight + mapHeight + Self.footHeight
        let totals = SlotTotals(buckets).text
        let font = "font-family=\"system-ui, -apple-system, 'Segoe UI', sans-serif\""
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" width=\"\(width)\" "
                + "height=\"\(height)\" role=\"img\" aria-labelledby=\"title description\">",
            "<title id=\"title\">\(dataFile): where its rows lie</title>",
            "<desc id=\"description\">\(totals)</desc>",
            "<rect width=\"\(width)\" height=\"\(height)\" fill=\"#ffffff\"/>",
            "<g \(font) fill=\"#1a1a1a\">",
            "<text x=\"\(Self.margin)\" y=\"34\" font-size=\"18\" font-weight=\"600\">\(dataFile): where its rows lie</text>",
            "<text x=\"\(Self.margin)\" y=\"56\" font-size=\"13\" fill=\"#4d4d4d\">\(totals)</text>",
            "</g>",
            "<g shape-rendering=\"crispEdges\">",
        ]
        lines += cellLines
        lines.append("</g>")
        lines += legendLines(top: Self.headHeight + mapHeight, font)
        lines.append("</svg>")
        return lines
    }

    private var cellLines: [String] {
        stride(from: 0, to: buckets.count, by: Self.columns).flatMap { start in
            let y = Self.headHeight + start / Self.columns * Self.cellSize
            return SlotStretch.runs(buckets[start..<min(buckets.count, start + Self.columns)]).map { run in
                let x = Self.margin + (run.buckets.lowerBound - start) * Self.cellSize
                let width = run.buckets.count * Self.cellSize
                // Cells are one pixel lower than their pitch, so that rows of cells stay apart.
                return "<rect x=\"\(x)\" y=\"\(y)\" width=\"\(width)\" height=\"\(Self.cellSize - 1)\" "
                    + "fill=\"\(run.kind.fill)\"/>"
            }
        }
    }

    private func legendLines(top: Int, _ font: String) -> [String] {
        var lines = ["<g \(font) font-size=\"12\" fill=\"#1a1a1a\">"]
        var x = Self.margin
        for kind in SlotKind.allCases {
            lines.append("<rect x=\"\(x)\" y=\"\(top + 16)\" width=\"12\" height=\"12\" fill=\"\(kind.fill)\"/>")
            lines.append("<text x=\"\(x + 18)\" y=\"\(top + 26)\">\(kind.word)</text>")
            x += 18 + 8 * kind.word.count + 24
        }
        let cell = buckets.first.map { "one cell is \(counted($0.slots.count, "slot")); " } ?? ""
        lines.append(
            "<text x=\"\(Self.margin)\" y=\"\(top + 48)\" fill=\"#4d4d4d\">\(cell)the file runs from left to right, "
                + "line by line</text>"
        )
        lines.append("</g>")
        return lines
    }
}
