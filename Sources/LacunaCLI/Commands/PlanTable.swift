import Lacuna
import LacunaPlatform

/// The plan of a compaction, beside those of the other strategies, so that a person can decide.
struct PlanTable {
    private let plan: CompactionPlan
    private let plans: [(strategy: CompactionStrategy, plan: CompactionPlan)]
    private let space: StoreSpace
    private let freeBytes: Int64?

    init<ID: CommandID>(_ plan: CompactionPlan, of store: VectorStore<ID>, at path: String) throws {
        self.plan = plan
        // A strategy that can't run now is left out.
        plans = [.rewrite, .inPlace, .punch].compactMap { strategy in
            (try? store.compactionPlan(strategy)).map { (strategy, $0) }
        }
        space = try store.space
        freeBytes = try? Directory(path).freeBytes()
    }

    func print(_ output: StandardOutput) throws {
        try output.prose(
            "\(grouped(space.deadRows)) of \(counted(space.liveRows + space.deadRows, "row")) are dead; the data file "
                + "occupies \(byteText(space.allocatedBytes))"
                + (freeBytes.map { ", and \(byteText($0)) of the disk are free" } ?? "")
        )
        guard let chosen = plan.strategy else { return try output.prose("nothing to do: \(plan.reason)") }
        let table = Table(
            [
                Table.Column(title: " ", isNumber: false, style: .green), Table.Column(title: "strategy", style: .bold),
                .number("gives back"), .number("moves"), .number("writes"), .number("needs free"),
                Table.Column(title: "in short", isNumber: false),
            ],
            output
        )
        for (strategy, plan) in plans {
            let isPossible = plan.strategy != nil
            try table.append(
                [strategy == chosen ? "→" : "", strategy.rawValue]
                    + (isPossible
                        ? [
                            byteText(plan.reclaimedBytes), counted(plan.movedRows, "row"), byteText(plan.writtenBytes),
                            byteText(plan.neededBytes), Self.summary(strategy),
                        ] : ["–", "–", "–", "–", plan.reason])
            )
        }
        try table.finish()
        try output.prose("\(chosen.rawValue): \(plan.reason)")
        if let freeBytes, plan.neededBytes > freeBytes {
            try output.line(Terminal.styled("the disk has no room for it", .red))
        }
        try output.prose("nothing was changed; to do it: `lacuna compact \(Shell.store) --strategy \(chosen.rawValue)`")
    }

    private static func summary(_ strategy: CompactionStrategy) -> String {
        switch strategy {
        case .rewrite: "copies the live rows"
        case .inPlace: "fills the gaps"
        case .punch: "frees blocks in gaps"
        case .auto: ""
        }
    }
}
