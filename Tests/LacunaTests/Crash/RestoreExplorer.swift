@testable import Lacuna

/// Copies backups over the states that crashes leave of a store, opens the result, and checks it.
struct RestoreExplorer {
    /// The work of a store between its backups, each of which is made while it is closed.
    struct Life: Sendable, CustomStringConvertible {
        let name: String
        var seed: UInt64 = 1
        var isRelaxed = false
        var migrates = false
        let parts: [[Workload.Step]]

        var description: String { name }

        static let mixed = Life(
            name: "mixed",
            parts: [
                [.put(16), .put(8), .delete],
                // One commit is in the log when the store is closed or killed: it can't be told from a commit that was
                // never acknowledged.
                [.put(1)], [.delete],
                [.put(1), .put(2), .replace, .delete, .setMetadata],
                [.checkpoint, .put(2), .checkpoint, .put(1), .put(1), .checkpoint],
            ]
        )

        static let all = [
            mixed,
            Life(name: "rewrite", parts: [[.put(24)], [.delete, .compact(.rewrite), .put(2)], [.compact(.rewrite)]]),
            Life(name: "in place", seed: 2, parts: [[.put(24)], [.delete, .compact(.inPlace), .put(2)], [.replace]]),
            Life(name: "erase", parts: [[.put(24)], [.erase], [.put(1), .erase, .put(1)]]),
            Life(
                name: "a reader",
                parts: [
                    [.put(16)],
                    [.put(1), .whileReading([.put(1), .checkpoint, .put(1), .reopen, .delete]), .put(1)], [.put(1)],
                ]
            ),
            Life(
                name: "relaxed",
                seed: 5,
                isRelaxed: true,
                parts: [[.put(8)], [.put(2), .flush, .put(1)], [.replace, .put(1)]]
            ),
            Life(name: "migration", migrates: true, parts: [[.put(16), .delete], [.put(1)], [.put(1), .delete]]),
        ]
    }

    /// A store's files, and their contents.
    private struct Backup {
        let files: [String: FileImage]
        let state: CrashModel
    }

    /// The files of a backup that are copied.
    private enum Part: CaseIterable {
        case whole, index, indexAndMark, indexAndData, mark

        func contains(_ name: String) -> Bool {
            switch self {
            case .whole: true
            case .index: name == StorePaths.indexName
            case .indexAndMark: name == StorePaths.indexName || name == StorePaths.writerLockName
            case .indexAndData: name != StorePaths.writerLockName
            case .mark: name == StorePaths.writerLockName
            }
        }
    }

    struct Counts: Sendable, CustomStringConvertible {
        var states = 0
        /// Of these, the numbers that were refused, and that opened as the backup or as the store that had crashed. (If
        /// both are equal, they are counted as neither.)
        var refused = 0
        var backups = 0
        var stores = 0

        static func += (left: inout Counts, right: Counts) {
            left.states += right.states
            left.refused += right.refused
            left.backups += right.backups
            left.stores += right.stores
        }

        var description: String {
            "\(states) states: \(refused) refused, \(backups) the backup, \(stores) the crashed store"
        }
    }

    private let life: Life
    private let stride: Int
    private var seen: Set<UInt64> = []
    private(set) var counts = Counts()
    private(set) var failures: [String] = []

    private static let dimension = 8
    private static let mostFailures = 5

    /// Makes the steps of the life. After each part, each earlier backup is copied over the states that crashes leave
    /// at every `stride`-th of its moments.
    static func explore(_ life: Life, stride: Int) throws -> RestoreExplorer {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let workload = Workload(disk, dimension: dimension, seed: life.seed, isRelaxed: life.isRelaxed)
                var explorer = RestoreExplorer(life: life, stride: stride)
                var backups: [Backup] = []
                var explored = 0
                try workload.create()
                for (number, part) in life.parts.enumerated() {
                    if number > 0 {
                        disk.record()
                        try workload.open()
                    }
                    try workload.run(part)
                    try workload.close()
                    disk.record(false)
                    let moments = disk.moments
                    try explorer.explore(moments[explored...], workload.states, backups)
                    explored = moments.count
                    if life.migrates && number == 0 {
                        try EarlierSchema.make(1, of: disk.directory, disk.fileSystem)
                    }
                    let state = workload.states[workload.states.count - 1]
                    backups.append(Backup(files: disk.now.model.liveFiles, state: state))
                }
                return explorer
            }
        }
    }

    private init(life: Life, stride: Int) {
        self.life = life
        self.stride = stride
    }

    private mutating func explore(
        _ moments: ArraySlice<Moment>,
        _ states: [CrashModel],
        _ backups: [Backup]
    ) throws {
        for moment in moments where moment.operation % stride == 0 {
            let crashes: [(Crash, [String: FileImage]?)] =
                [(.kill, moment.model.liveFiles)]
                + [.everything, .some(seed: UInt64(moment.operation))].map { survival in
                    (.powerCut(survival), moment.model.afterPowerCut(survival))
                }
            for (crash, left) in crashes {
                guard let left else { continue }
                for (number, backup) in backups.enumerated() {
                    for part in Part.allCases {
                        let files = left.merging(backup.files.filter { part.contains($0.key) }) { $1 }
                        // Neither the mark nor the index says which log is theirs: the mark was torn, and the old
                        // schema has no columns for it.
                        if isOld(backup), part == .index, !hasMark(files) { continue }
                        guard seen.insert(DiskModel.fingerprint(files)).inserted else { continue }
                        counts.states += 1
                        let what = "\(part) of backup \(number) over \(crash) before operation \(moment.operation)"
                        check(files, backup, part, moment.progress.allowed.map { states[$0] }, states, what)
                        if failures.count >= Self.mostFailures { return }
                    }
                }
            }
        }
    }

    private func hasMark(_ files: [String: FileImage]) -> Bool {
        CommitMark(decoding: files[StorePaths.writerLockName]?.bytes ?? []) != nil
    }

    /// Whether the backup has schema version 1, and so has its mark.
    private func isOld(_ backup: Backup) -> Bool {
        CommitMark(decoding: backup.files[StorePaths.writerLockName]?.bytes ?? [])?.token == 0
    }

    private mutating func check(
        _ files: [String: FileImage],
        _ backup: Backup,
        _ part: Part,
        _ allowed: [CrashModel],
        _ states: [CrashModel],
        _ what: String
    ) {
        for access in [VectorStoreAccess.readOnly, .readWrite] {
            do {
                try TestDisk.holding(files) { disk in
                    guard let found = try open(disk, access, part) else {
                        if access == .readWrite { counts.refused += 1 }
                        if counts.refused % 16 == 1 { try checkSalvage(disk, states) }
                        return
                    }
                    guard found == backup.state || allowed.contains(found) else {
                        throw CrashModel.Mismatch(what: "a mixture: \(found.difference(from: backup.state))")
                    }
                    guard access == .readWrite else { return }
                    counts.backups += found == backup.state ? 1 : 0
                    counts.stores += allowed.contains(found) ? 1 : 0
                }
            } catch { failures.append("\(life), \(what), \(access): \(error)") }
        }
    }

    /// The store's contents; nil if it is refused as damaged, with nothing changed.
    private func open(_ disk: TestDisk, _ access: VectorStoreAccess, _ part: Part) throws -> CrashModel? {
        let store: VectorStore<Int64>
        do {
            store = try VectorStore<Int64>.open(at: disk.directory, access: access, fileSystem: disk.fileSystem)
        } catch let error
            as VectorStoreError where error.code == .damaged || error.code == .needsMigration && access == .readOnly
        {
            let changes = disk.changes.filter { $0.kind == .unlink || $0.kind == .write || $0.kind == .truncate }
            guard changes.isEmpty else { throw CrashModel.Mismatch(what: "\(error), but changed: \(changes)") }
            return nil
        }
        do {
            let found = try CrashModel(of: store)
            let report = try store.verify()
            guard report.isSound else { throw CrashModel.Mismatch(what: "\(report)") }
            try store.close()
            return found
        } catch let error as VectorStoreError where error.code == .damaged {
            // The data file is newer than the index, or older than a log that a reader doesn't doubt: then each wrong
            // row is an error.
            guard part == .indexAndMark || part == .indexAndData && access == .readOnly else { throw error }
            return nil
        }
    }

    /// Checks that only rows are salvaged that the store once had.
    private func checkSalvage(_ disk: TestDisk, _ states: [CrashModel]) throws {
        _ = try VectorStoreRecovery.salvage(StorePaths(disk.directory), disk.fileSystem) { row in
            guard row.verdict == .verified, case .integer(let id)? = row.id else { return }
            let bits = row.vector.map(\.bitPattern)
            if !states.contains(where: { $0.rows[id]?.bits == bits }) {
                throw CrashModel.Mismatch(what: "salvage invented the row \(id)")
            }
        }
    }
}
