/// Rows in aligned columns. On a terminal each row is one line, cut to the terminal's width; elsewhere rows are whole.
///
/// The first rows are kept until they are measured. If a later row is wider, the columns get wider from there on.
final class Table {
    struct Column {
        let title: String
        /// Whether cells are at the right; nil if that is so where all of the first rows are numbers.
        var isNumber: Bool?
        var style: Terminal.Style?
    }

    private var columns: [Column]
    private let output: StandardOutput
    private let hasHeading: Bool
    private var unmeasured: [[String]] = []
    private var isMeasured = false
    /// The columns that the widest cells need, and those that they get.
    private var needed: [Int]
    private var widths: [Int]

    private static let gap = 2
    private static let measuredRows = 200

    init(_ columns: [Column], _ output: StandardOutput, hasHeading: Bool = true) {
        self.columns = columns
        self.output = output
        self.hasHeading = hasHeading
        needed = columns.map { hasHeading ? $0.title.columns : 0 }
        widths = needed
    }

    /// Appends a row: a cell for each column.
    func append(_ cells: [String]) throws(CommandError) {
        for (index, cell) in cells.enumerated() where cell.utf8.count > needed[index] {
            needed[index] = max(needed[index], cell.columns)
        }
        if isMeasured { return try print(cells) }
        unmeasured.append(cells)
        if unmeasured.count == Self.measuredRows { try finish() }
    }

    /// Prints what isn't printed yet.
    func finish() throws(CommandError) {
        if isMeasured || unmeasured.isEmpty { return }
        isMeasured = true
        for index in columns.indices where columns[index].isNumber == nil {
            let cells = unmeasured.map { $0[index] }.filter { !$0.isEmpty }
            columns[index].isNumber = !cells.isEmpty && cells.allSatisfy { Double($0) != nil }
        }
        if hasHeading { try print(columns.map(\.title), isHeading: true) }
        for cells in unmeasured { try print(cells) }
        unmeasured = []
    }

    private func print(_ cells: [String], isHeading: Bool = false) throws(CommandError) {
        let room = Terminal.width.map { $0 - Self.gap * (columns.count - 1) }
        widths = room.map { Self.widths(needed, in: $0) } ?? needed
        var line = ""
        for (index, column) in columns.enumerated() {
            let cell = cells[index].cut(widths[index])
            let isLast = index == columns.count - 1
            let text =
                column.isNumber == true ? cell.leftPadded(widths[index]) : isLast ? cell : cell.padded(widths[index])
            let style = isHeading ? .dim : column.style
            line += style.map { Terminal.styled(text, $0) } ?? text
            if !isLast { line += String(repeating: " ", count: Self.gap) }
        }
        try output.line(line)
    }

    /// The widths with which all columns fit into the room: narrow columns keep theirs, and wide ones share the rest.
    static func widths(_ needed: [Int], in room: Int) -> [Int] {
        var rest = max(0, room)
        var sharing = needed.count
        for width in needed.sorted() where width <= rest / sharing {
            rest -= width
            sharing -= 1
        }
        if sharing == 0 { return needed }
        let most = rest / sharing
        var spare = rest % sharing
        return needed.map { width in
            if width <= most { return width }
            spare -= 1
            return most + (spare >= 0 ? 1 : 0)
        }
    }
}
