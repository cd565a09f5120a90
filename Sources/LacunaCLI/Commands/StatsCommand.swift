import ArgumentParser
import Lacuna
import LacunaFormats

struct StatsCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Describe a store and its use of the disk.",
        discussion: .help(
            examples: [
                "lacuna stats my.lacuna",
                "lacuna stats my.lacuna --json",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @OptionGroup var format: JSONOption

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let info = try store.info
        let space = try store.space
        if format.json { return try output.line(json(info, space)) }
        try printHead(info, space, output)
        try output.lines([
            "data file": "\(info.dataFile) (generation \(info.generation)), \(byteText(space.logicalBytes)) long, "
                + "\(byteText(space.allocatedBytes)) on disk",
            "punchable": byteText(space.punchableBytes),
            "index": "\(byteText(space.indexBytes)) (schema version \(info.schemaVersion))",
            "codes": codesText(info, space),
            "model": info.model.map { singleLine("\($0)") } ?? "not named",
            "re-embedding": reembeddingText(info, space),
            "uuid": info.uuid.text,
        ])
        if space.fragmentation >= 0.2 {
            try output.prose("`lacuna compact \(Shell.store) --dry-run` says what can be given back")
        }
    }

    /// The rows and the occupancy of the data file.
    private func printHead(_ info: VectorStoreInfo, _ space: StoreSpace, _ output: StandardOutput) throws {
        try output.prose(
            "\(singleLine(store))  \(counted(space.liveRows, "row")) of "
                + "\(grouped(info.dimension)) components (\(info.element.rawValue)), \(info.metric.rawValue), "
                + "\(info.idKind.rawValue) ids"
        )
        let parts: [(bytes: Int64, character: String, style: Terminal.Style)] = [
            (space.liveBytes, "█", .blue), (space.deadBytes, "░", .red), (space.reservedBytes, " ", .dim),
        ]
        let bar = zip(parts, OccupancyBar.columns(parts.map(\.bytes), in: min(Terminal.columns, 120) - 2))
            .map { part, columns in Terminal.styled(String(repeating: part.character, count: columns), part.style) }
        try output.line("[\(bar.joined())]")
        let rows = [
            ("live", counted(space.liveRows, "row"), "\(decimal(100 - space.fragmentation * 100, 1)) % of the rows"),
            ("dead", counted(space.deadRows, "row"), "\(decimal(space.fragmentation * 100, 1)) % (fragmentation)"),
            ("reserved", "", "for rows to come"),
        ]
        let width = rows.map(\.1.columns).max() ?? 0
        for (part, row) in zip(parts, rows) {
            try output.line(
                "  \(Terminal.styled(part.character, part.style)) \(row.0.padded(8))  \(row.1.leftPadded(width))  "
                    + "\(byteText(part.bytes).leftPadded(11))  \(row.2)"
            )
        }
    }

    private func reembeddingText(_ info: VectorStoreInfo, _ space: StoreSpace) -> String {
        guard let pending = info.reembedding else { return "none" }
        let model = pending.model.map { ", \(singleLine("\($0)"))" } ?? ""
        let rows = "\(grouped(pending.rows)) of \(counted(space.liveRows, "row"))"
        return "\(rows), to the dimension \(grouped(pending.dimension))\(model)"
    }

    private func codesText(_ info: VectorStoreInfo, _ space: StoreSpace) -> String {
        if info.acceleration == .off { return "none" }
        let slots = space.liveRows + space.deadRows
        return "\(byteText(space.codesBytes)), of \(grouped(space.codedSlots)) of \(counted(slots, "row"))"
    }

    private func json(_ info: VectorStoreInfo, _ space: StoreSpace) -> String {
        JSONText.object([
            "uuid": JSONText(info.uuid.text), "dimension": JSONText(info.dimension),
            "metric": JSONText(info.metric.rawValue), "ids": JSONText(info.idKind.rawValue),
            "element": JSONText(info.element.rawValue), "generation": JSONText(info.generation),
            "data_file": JSONText(info.dataFile), "live": JSONText(space.liveRows), "dead": JSONText(space.deadRows),
            "fragmentation": JSONText(space.fragmentation), "logical_bytes": JSONText(space.logicalBytes),
            "allocated_bytes": JSONText(space.allocatedBytes), "live_bytes": JSONText(space.liveBytes),
            "dead_bytes": JSONText(space.deadBytes), "punchable_bytes": JSONText(space.punchableBytes),
            "index_bytes": JSONText(space.indexBytes), "schema_version": JSONText(info.schemaVersion),
            "acceleration": JSONText(info.acceleration.rawValue), "codes_rows": JSONText(space.codedSlots),
            "codes_bytes": JSONText(space.codesBytes), "model": JSONText(info.model?.name),
            "model_version": JSONText(info.model?.version), "normalized": JSONText(info.model?.isNormalized),
            "reembedded_rows": info.reembedding.map { JSONText($0.rows) } ?? .null,
        ])
    }
}

/// Divides a bar between amounts.
enum OccupancyBar {
    /// The columns of each amount: in proportion, but at least one for any that isn't 0.
    static func columns(_ amounts: [Int64], in width: Int) -> [Int] {
        let total = amounts.reduce(0) { $0 + max(0, $1) }
        guard total > 0, width >= amounts.count else { return amounts.map { _ in 0 } }
        var columns = amounts.map { amount in
            amount <= 0 ? 0 : max(1, Int((Double(amount) / Double(total) * Double(width)).rounded()))
        }
        // Rounding may have made the bar longer or shorter; the longest part bears that.
        if let longest = columns.indices.max(by: { columns[$0] < columns[$1] }) {
            columns[longest] += width - columns.reduce(0, +)
        }
        return columns
    }
}
