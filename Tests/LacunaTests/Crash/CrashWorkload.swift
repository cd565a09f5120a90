@testable import Lacuna

/// The work of a store that is stopped again and again.
struct CrashWorkload: Sendable, CustomStringConvertible {
    let name: String
    var dimension = 8
    var element = ElementType.float32
    var isRelaxed = false
    var seed: UInt64 = 1
    /// The steps that come before crashes count.
    var preparation: [Workload.Step] = []
    var steps: [Workload.Step] = []
    /// The number of random steps after these.
    var randomSteps = 0
    var countsCreation = false
    /// The schema version of a store that is migrated when it is opened; and whether it has a log then.
    var earlierVersion: Int?
    var leavesOldLog = false

    var description: String { name }

    private static let filled: [Workload.Step] = [.put(16), .put(8), .delete]

    static let all: [CrashWorkload] = [
        CrashWorkload(name: "create", steps: [.put(2)], countsCreation: true),
        CrashWorkload(name: "bulk import", dimension: 64, steps: [.put(400), .put(400), .put(400)]),
        CrashWorkload(name: "single puts", steps: Array(repeating: .put(1), count: 16)),
        CrashWorkload(name: "replacements", preparation: filled, steps: Array(repeating: .replace, count: 12)),
        CrashWorkload(name: "deletes", preparation: [.put(40)], steps: Array(repeating: .delete, count: 6)),
        CrashWorkload(
            name: "metadata",
            preparation: filled,
            steps: [.setMetadata, .patch, .replace, .setMetadata, .patch, .setMetadata, .patch, .mixedBatch, .patch]
        ),
        CrashWorkload(
            name: "indexes",
            preparation: filled + [.patch],
            steps: [.index, .patch, .textIndex, .put(2), .mixedBatch, .erase, .index, .textIndex]
        ),
        CrashWorkload(
            name: "rewrite",
            preparation: filled + [.derive],
            steps: [.compact(.rewrite), .delete, .derive, .compact(.rewrite), .put(2)]
        ),
        CrashWorkload(
            name: "in place",
            seed: 2,
            preparation: filled + [.delete, .derive],
            steps: [.compact(.inPlace), .put(4), .derive, .delete, .compact(.inPlace), .put(2)]
        ),
        CrashWorkload(
            name: "punch",
            dimension: 1_024,
            preparation: filled,
            steps: [.punch, .put(2), .delete, .punch, .compact(.inPlace), .put(1)]
        ),
        CrashWorkload(name: "erase", preparation: filled + [.derive], steps: [.erase, .put(2), .erase]),
        CrashWorkload(name: "reopening", preparation: filled, steps: [.reopen, .put(2), .reopen, .delete, .reopen]),
        CrashWorkload(name: "migration", preparation: filled, steps: [.reopen, .put(2), .delete], earlierVersion: 1),
        CrashWorkload(
            name: "migration with a log",
            preparation: filled,
            steps: [.put(2), .reopen],
            earlierVersion: 1,
            leavesOldLog: true
        ),
        CrashWorkload(
            name: "migration of version 3",
            preparation: filled,
            steps: [.put(2), .reopen],
            earlierVersion: 3,
            leavesOldLog: true
        ),
        CrashWorkload(
            name: "a reader",
            preparation: filled,
            steps: [
                .put(1), .whileReading([.put(1), .checkpoint, .delete, .checkpoint, .put(1), .reopen, .replace]),
                .put(1), .checkpoint, .put(1),
            ]
        ),
        CrashWorkload(
            name: "rows of float16",
            dimension: 33,
            element: .float16,
            seed: 8,
            preparation: filled,
            steps: [.put(3), .compact(.rewrite), .delete, .compact(.inPlace), .erase, .replace]
        ),
        CrashWorkload(
            name: "re-embedding",
            seed: 3,
            preparation: filled,
            steps: [.reembed(to: 12), .put(2), .reembed(to: 5), .replace]
        ),
        CrashWorkload(
            name: "a re-embedding in parts",
            seed: 4,
            preparation: filled,
            steps: [
                .stopReembedding(to: 12), .mixedBatch, .patch, .erase, .reopen, .compact(.inPlace), .replace,
                .reembed(to: 12), .stopReembedding(to: 3), .delete, .abortReembedding,
            ]
        ),
        CrashWorkload(name: "relaxed", isRelaxed: true, seed: 5, randomSteps: 18),
        CrashWorkload(name: "mix", seed: 6, randomSteps: 20),
        CrashWorkload(name: "mix of large rows", dimension: 1_000, seed: 7, randomSteps: 14),
    ]

    /// A mixture of everything, which differs for each seed.
    static func random(_ seed: UInt64) -> CrashWorkload {
        CrashWorkload(
            name: "seed \(seed)",
            dimension: [8, 64, 1_000, 1_024][Int(seed / 5 % 4)],
            isRelaxed: seed % 5 == 4,
            seed: seed,
            randomSteps: 24,
            countsCreation: seed % 7 == 0
        )
    }

    /// Runs the workload, recording its moments, and explores them.
    func explore(seeds: Int, recoveryStride: Int, mostFailures: Int = 3) throws -> CrashExplorer {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let workload = Workload(disk, dimension: dimension, element, seed: seed, isRelaxed: isRelaxed)
                if countsCreation { disk.record() }
                try workload.create()
                try workload.run(preparation)
                if let earlierVersion {
                    try workload.close()
                    try EarlierSchema.make(
                        earlierVersion,
                        of: disk.directory,
                        disk.fileSystem,
                        leavingLog: leavesOldLog
                    )
                }
                disk.record()
                if earlierVersion != nil { try workload.open() }
                try workload.run(steps)
                try workload.run(random: randomSteps)
                try workload.close()
                disk.record(false)
                var explorer = CrashExplorer(
                    dimension: dimension,
                    states: workload.states,
                    seed: seed,
                    seeds: seeds,
                    recoveryStride: recoveryStride,
                    mostFailures: mostFailures
                )
                explorer.explore(disk.moments, disk.log)
                return explorer
            }
        }
    }
}
