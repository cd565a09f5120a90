import ArgumentParser
import Lacuna
import LacunaFormats

struct MapCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "map",
        abstract: "Draw where the live, dead and punched rows lie in the data file."
    )

    @Argument(help: "The store's directory.")
    var store: String

    @Option(help: ArgumentHelp("Write the picture to this SVG file instead.", valueName: "file"))
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

    private func printText<ID: CommandID>(_ store: VectorStore<ID>, _ output: StandardOutput) throws {
        let columns = max(20, min(Terminal.columns, 160) - 12)
        let buckets = try store.slotMap(buckets: columns * Self.lines)
        let totals = SlotTotals(buckets)
        try output.line("\(Terminal.styled(try store.info.dataFile, .bold))  \(totals.text)")
        if buckets.isEmpty { return }
        for start in stride(from: 0, to: buckets.count, by: columns) {
            let line = SlotStretch.runs(buckets[start..<min(buckets.count, start + columns)]).map { run in
                Terminal.styled(String(repeating: run.kind.character, count: run.buckets.count), run.kind.style)
            }
            try output.line("\(grouped(buckets[start].slots.lowerBound).leftPadded(10))  \(line.joined())")
        }
        let legend = SlotKind.allCases.map { "\(Terminal.styled($0.character, $0.style)) \($0.word)" }
        try output.line(String(repeating: " ", count: 12) + legend.joined(separator: "   "))
        let size = counted(buckets[0].slots.count, "slot")
        try output.line(
            String(repeating: " ", count: 12) + "one character is \(size); lines begin with their first slot"
        )
    }
}
