import ArgumentParser
import Lacuna
import LacunaFormats

struct MapCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "map",
        abstract: "Draw where the live, dead and punched rows lie in the data file.",
        discussion: .help(
            examples: [
                "lacuna map my.lacuna",
                "lacuna map my.lacuna --svg map.svg",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Option(
        help: ArgumentHelp("Write the picture to this SVG file instead.", valueName: "file"),
        completion: .file()
    )
    var svg: String?

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        if let svg {
            let picture = SlotMapPicture(try store.slotMap(buckets: SlotMapPicture.cells), try store.info.dataFile)
            let file: LineWriter
            do { file = try LineWriter(path: svg) } catch { throw CommandError.creating(error) }
            for line in picture.lines { try file.append(line) }
            let bytes = try file.finish()
            return try output.line("drew \(singleLine(svg)), \(byteText(Int64(bytes)))")
        }
        try printText(store, output)
    }

    private static let lines = 20
    /// The columns before a line of the map, for its first slot, and after it, for its share of live rows.
    private static let (before, after) = (12, 7)

    private func printText<ID: CommandID>(_ store: VectorStore<ID>, _ output: StandardOutput) throws {
        let columns = max(10, Terminal.columns - Self.before - Self.after)
        let buckets = try store.slotMap(buckets: columns * Self.lines)
        try output.prose("\(try store.info.dataFile)  \(SlotTotals(buckets).text)")
        guard let first = buckets.first else { return }
        for start in stride(from: 0, to: buckets.count, by: columns) {
            let line = buckets[start..<min(buckets.count, start + columns)]
            let slots = line.reduce(0) { $0 + $1.slots.count }
            let live = line.reduce(0) { $0 + $1.liveRows }
            let share = "\(Int(100 * Double(live) / Double(max(1, slots)))) %"
            let padding = String(repeating: " ", count: columns - line.count)
            try output.line(
                "\(grouped(line[start].slots.lowerBound).leftPadded(Self.before - 2))  "
                    + "\(SlotDensity.line(line))\(padding)\(share.leftPadded(Self.after))"
            )
        }
        let margin = String(repeating: " ", count: Self.before)
        let heights = String(SlotDensity.heights.dropLast())
        try output.line(
            "\(margin)\(Terminal.styled("█", .blue)) live  \(Terminal.styled(heights, .green)) partly: as high as the "
                + "share  \(Terminal.styled("░", .red)) dead  \(Terminal.styled("·", .dim)) given back"
        )
        try output.line(
            "\(margin)one character is \(counted(first.slots.count, "slot")); % is the share of live rows in a line"
        )
    }
}
