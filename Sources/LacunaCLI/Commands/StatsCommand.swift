import ArgumentParser
import Lacuna
import LacunaFormats

struct StatsCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Describe a store and its use of the disk."
    )

    @Argument(help: "The store's directory.")
    var store: String

    @OptionGroup var format: JSONOption

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let info = try store.info
        let space = try store.space
        if format.json { return try output.line(json(info, space)) }
        try output.lines([
            "uuid": info.uuid.text,
            "dimension": grouped(info.dimension),
            "metric": info.metric.rawValue,
            "ids": info.idKind.rawValue,
            "element": info.element.rawValue,
            "model": info.model.map { singleLine("\($0)") } ?? "not named",
            "data file": "\(info.dataFile) (generation \(info.generation))",
            "live": "\(counted(space.liveRows, "row")), \(byteText(space.liveBytes))",
            "dead": "\(counted(space.deadRows, "row")), \(byteText(space.deadBytes))",
            "reserved": "\(byteText(space.reservedBytes)) for rows to come",
            "fragmentation": "\(decimal(space.fragmentation * 100, 1)) %",
            "logical size": byteText(space.logicalBytes),
            "on disk": byteText(space.allocatedBytes),
            "punchable": byteText(space.punchableBytes),
            "index": "\(byteText(space.indexBytes)) (schema version \(info.schemaVersion))",
            "codes": codesText(info, space),
            "re-embedding": reembeddingText(info, space),
        ])
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
