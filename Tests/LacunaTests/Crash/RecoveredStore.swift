import Testing

@testable import Lacuna

/// Checks that hold for every store after a crash, whatever was under way.
enum RecoveredStore {
    /// The extent of the check after one crash.
    struct Depth {
        /// Whether the start-up command runs before the store is opened.
        var recoversFirst = false
        /// Whether the store is written to and compacted afterwards.
        var goesOn = true
        /// Called after the store was recovered.
        var onRecovered: () -> Void = {}
    }

    /// Opens the store as a program would after the crash, and checks it: each acknowledged row is there byte for byte,
    /// the batch in flight is there whole or not at all, everything verifies, nothing is left over, a second recovery
    /// finds nothing to do, and the store goes on working.
    static func check(
        _ disk: TestDisk,
        _ states: [CrashModel],
        _ progress: Progress,
        dimension: Int,
        _ depth: Depth = Depth()
    ) throws {
        if depth.recoversFirst && progress.acknowledged >= 0 {
            let report = try VectorStoreRecovery.recover(StorePaths(disk.directory), dryRun: false, disk.fileSystem)
            if let damage = report.damage { throw damage }
        }
        guard let store = try open(disk, progress, dimension, onRecovered: depth.onRecovered) else { return }
        depth.onRecovered()
        let found = try CrashModel(of: store)
        guard progress.allowed.contains(where: { states[$0] == found }) else {
            let nearest = progress.allowed.map { found.difference(from: states[$0]) }
            throw CrashModel.Mismatch(what: "after recovery \(nearest)")
        }
        try checkOrder(store, disk)
        if depth.goesOn { try checkGoesOn(store, found, disk, dimension) } else { try store.close() }
        let paths = try StorePaths(disk.directory)
        _ = try VectorStoreRecovery.recover(paths, dryRun: false, disk.fileSystem)
        let second = try VectorStoreRecovery.recover(paths, dryRun: false, disk.fileSystem)
        guard second.state == .clean, second.actions.allSatisfy({ $0.kind == .keepFile }) else {
            throw CrashModel.Mismatch(what: "a second recovery found \(second.actions)")
        }
    }

    /// Opens the store; nil if the crash came before `create` had returned, and creating the store again has worked.
    private static func open(
        _ disk: TestDisk,
        _ progress: Progress,
        _ dimension: Int,
        onRecovered: () -> Void
    ) throws -> VectorStore<Int64>? {
        do { return try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem) } catch let error
            as VectorStoreError where progress.acknowledged < 0
        {
            guard error.code == .noSuchStore || error.code == .notAStore else { throw error }
            let store = try VectorStore<Int64>.create(
                at: disk.directory,
                configuration: .init(dimension: dimension, metric: .euclidean),
                fileSystem: disk.fileSystem
            )
            onRecovered()
            try checkGoesOn(store, CrashModel(), disk, dimension)
            return nil
        }
    }

    /// Checks that there is no damage, no file too many, and no compaction pending.
    static func checkOrder(_ store: VectorStore<Int64>, _ disk: TestDisk) throws {
        let report = try store.verify()
        guard report.isSound else { throw CrashModel.Mismatch(what: "\(report)") }
        let files = try Directory.names(disk.directory).filter { !StorePaths.isFixedName($0) }
        let derived = try DerivedIDs.sound(store, disk.fileSystem)
        let (staged, pending) = try store.readers.read { snapshot in
            let journal = try snapshot.index.journal().filter { $0.state != .finished && $0.state != .aborted }
            return (try snapshot.index.reembedding(snapshot.record), journal)
        }
        let target = staged.map { [$0.dataFile] } ?? []
        guard try Set(files) == Set(derived + [store.info.dataFile] + target) else {
            throw CrashModel.Mismatch(what: "left over: \(files)")
        }
        guard pending.map(\.targetFile) == target else { throw CrashModel.Mismatch(what: "pending: \(pending)") }
        let vacuum = try store.readers.read { try $0.index.pragma("auto_vacuum") }
        guard vacuum == 2 else { throw CrashModel.Mismatch(what: "auto_vacuum is \(vacuum)") }
    }

    private static func checkGoesOn(
        _ store: VectorStore<Int64>,
        _ before: CrashModel,
        _ disk: TestDisk,
        _ dimension: Int
    ) throws {
        var expected = before
        let id: Int64 = 1_000_000
        for version in 0..<2 {
            if version == 1 { try endReembedding(store, &expected) }
            let vector = try CrashModel.vector(id, version: version, dimension: store.info.dimension)
            expected.put(id, vector, "{\"version\":\(version)}")
            try store.put(vector, for: id, metadataJSON: "{\"version\":\(version)}", replacing: true)
        }
        let report = try store.compact(.rewrite)
        guard report.strategy == .rewrite else { throw CrashModel.Mismatch(what: "nothing was rewritten") }
        let found = try CrashModel(of: store)
        guard found == expected else {
            throw CrashModel.Mismatch(what: "after compacting \(found.difference(from: expected))")
        }
        try checkOrder(store, disk)
        try store.close()
    }

    /// Goes on with a re-embedding, or drops what it has done.
    private static func endReembedding(_ store: VectorStore<Int64>, _ expected: inout CrashModel) throws {
        guard let pending = try store.info.reembedding else { return }
        if pending.rows % 2 == 0 { return _ = try store.abortReembedding() }
        try store.reembed(dimension: pending.dimension) { _, _, old in
            old.map { CrashModel.reembedded($0, to: pending.dimension) }
        }
        expected = expected.reembedded(to: pending.dimension)
    }
}
