// The bug story: recovery made things worse. It mistook a partial copy for the store's file, deleted the only whole
// file because a journal said so, deleted somebody else's file that happened to have the name, or opened a store whose
// data file was gone as if it had always been empty.
//
// Each row of the recovery table is a real compaction that is stopped at that step, and recovery must act by the
// journal and the files. If it must give up, the data files must be the same before and after, byte for byte.

import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

@Suite struct RecoveryTableTests {
    static let dimension = 1_024

    /// The steps of a rewrite at which the process is killed: before the operation that is named.
    enum Step: String, CaseIterable, Sendable {
        case createTarget, writeHeader, writeRestOfHeader, syncHeader, syncName, allocate, writeRows, writeMoreRows
        case stageRows, syncTarget, commit, removeSource, removeOldRows, extendTarget

        var isCommitted: Bool { [.removeSource, .removeOldRows, .extendTarget].contains(self) }
        var hasTarget: Bool { self != .createTarget }
        var hasSource: Bool { self != .removeOldRows && self != .extendTarget }

        /// The position of the step among the operations of a whole rewrite.
        func position(_ changes: [DiskOperation]) throws -> Int {
            let found = changes.firstIndex { $0.kind == .create && $0.isOnDataFile }
            let create = try #require(found)
            func next(_ from: Int, _ kind: DiskOperation.Kind) throws -> Int {
                let found = changes[from...].firstIndex { $0.kind == kind && $0.isOnDataFile }
                return try #require(found)
            }
            let firstSync = try next(create, .sync)
            let allocate = try next(create, .allocate)
            let secondSync = try next(allocate, .sync)
            let unlink = try next(secondSync, .unlink)
            func log(_ from: Int) throws -> Int {
                let found = changes[from...].firstIndex(where: \.isOnLog)
                return try #require(found)
            }
            return switch self {
            case .createTarget: create
            case .writeHeader: create + 1
            case .writeRestOfHeader: create + 2
            case .syncHeader: firstSync
            case .syncName: firstSync + 1
            case .allocate: allocate
            case .writeRows: allocate + 1
            case .writeMoreRows: allocate + 3
            case .stageRows: try log(allocate)
            case .syncTarget: secondSync
            case .commit: try log(secondSync)
            case .removeSource: unlink
            case .removeOldRows: unlink + 1
            case .extendTarget: try next(unlink, .allocate)
            }
        }
    }

    /// A store whose rewrite was killed at the step. The file system makes short writes, so that no write is complete.
    private func withKilledRewrite(
        at step: Step,
        _ body: (TestDisk, CrashModel, StorePaths) throws -> Void
    ) throws {
        var position: Int?
        for _ in 0..<2 {
            try TestFiles.withDirectory { parent in
                try TestDisk.with(parent + "/store") { disk in
                    var fileSystem = disk.fileSystem
                    fileSystem.writesShort = true
                    let model = try {
                        let (store, model) = try Scenario.prepare(disk, fileSystem, dimension: Self.dimension)
                        let start = disk.changes.count
                        if let position { disk.stop(after: position) }
                        do { try store.compact(.rewrite) } catch { try #require(disk.isStopped, "\(error)") }
                        if position == nil { position = try step.position(Array(disk.changes[start...])) }
                        return model
                    }()
                    guard disk.isStopped else { return }
                    disk.restart()
                    try body(disk, model, try StorePaths(disk.directory))
                }
            }
        }
    }

    private func recover(_ disk: TestDisk, dryRun: Bool = false) throws -> RecoveryReport {
        try VectorStoreRecovery.recover(try StorePaths(disk.directory), dryRun: dryRun, disk.fileSystem)
    }

    private func check(_ disk: TestDisk, holds model: CrashModel) throws {
        try RecoveredStore.check(
            disk,
            [model],
            Progress(acknowledged: 0),
            dimension: Self.dimension
        )
    }

    // MARK: Stores that recovery puts in order

    @Test(arguments: Step.allCases) func stopped(at step: Step) throws {
        try withKilledRewrite(at: step) { disk, model, paths in
            #expect(TestFiles.exists(paths.directory.path("vectors-2.f32")) == step.hasTarget)
            #expect(TestFiles.exists(paths.directory.path("vectors-1.f32")) == step.hasSource)
            let before = try TestFiles.dataFiles(disk.directory)
            let plan = try recover(disk, dryRun: true)
            #expect(try TestFiles.dataFiles(disk.directory) == before)
            let report = try recover(disk)
            #expect(report.state == .recovered)
            #expect(report.actions == plan.actions)
            let actions = report.actions.map(\.kind)
            #expect(actions.contains(step.isCommitted ? .finish : .abort))
            if [.syncTarget, .commit, .removeSource, .removeOldRows].contains(step) {
                #expect(actions.contains(.removeRows))
            }
            #expect(actions.contains(.removeFile) == (step.isCommitted ? step.hasSource : step.hasTarget))
            #expect(try recover(disk).state == .clean)
            try check(disk, holds: model)
        }
    }

    /// A commit in a log that can't be emptied may not be on the disk: the file that it superseded stays until the log
    /// can be emptied.
    @Test func aReaderKeepsTheLogAndWithItTheSupersededFile() throws {
        try withKilledRewrite(at: .removeSource) { disk, model, paths in
            let reader = try VectorStore<Int64>.open(at: disk.directory, access: .readOnly, fileSystem: disk.fileSystem)
            try reader.read { _ in
                let report = try recover(disk)
                #expect(!report.actions.contains { $0.kind == .removeFile }, "\(report)")
                #expect(TestFiles.exists(paths.directory.path("vectors-1.f32")))
                let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                #expect(try CrashModel(of: store) == model)
                #expect(TestFiles.exists(paths.directory.path("vectors-1.f32")))
                try store.close()
            }
            try reader.close()
            try check(disk, holds: model)
        }
    }

    /// Several superseded files that couldn't be removed earlier: each is removed.
    @Test func severalGenerationsLeftOver() throws {
        try withKilledRewrite(at: .removeSource) { disk, model, paths in
            let source = try TestFiles.read(paths.directory.path("vectors-1.f32"))
            disk.inject(DiskFault(matches: { $0.kind == .unlink }))
            #expect(throws: VectorStoreError.self) { try recover(disk) }
            disk.inject(nil)
            try {
                let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                try store.delete([1])
                #expect(throws: CancellationError.self) {
                    try store.compact(.rewrite) { if $0.done > 0 { throw CancellationError() } }
                }
                try store.close()
            }()
            let header = DataFileHeader(
                store: try DataFileHeader(decoding: Array(source.prefix(4_096))).store,
                generation: 3,
                dimension: Self.dimension
            )
            try TestFiles.write(source, to: paths.directory.path("vectors-1.f32"))
            try TestFiles.write(header.encoded(), to: paths.directory.path("vectors-3.f32"))
            #expect(try recover(disk).actions.map(\.file) == ["vectors-1.f32", "vectors-3.f32"])
            var left = model
            left.rows[1] = nil
            try check(disk, holds: left)
        }
    }

    // MARK: Stores that recovery refuses

    /// Expects that repeated attempts don't touch the data files, and that the message has `words`.
    private func expectDamage(_ disk: TestDisk, telling words: String...) throws {
        let before = try TestFiles.dataFiles(disk.directory)
        for _ in 0..<2 {
            let report = try recover(disk)
            #expect(report.state == .damaged && report.actions.isEmpty)
            let error = #expect(throws: VectorStoreError.self) {
                try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
            }
            #expect(error?.code == .damaged)
            for word in words {
                #expect(report.damage?.problem.contains(word) == true, "\(report.damage as Any)")
                #expect(error?.problem.contains(word) == true)
            }
            #expect(try TestFiles.dataFiles(disk.directory) == before)
        }
    }

    @Test(arguments: [Step.createTarget, .writeRows, .commit]) func copyingWithTheSourceMissing(_ step: Step) throws {
        try withKilledRewrite(at: step) { disk, _, paths in
            TestFiles.remove(paths.directory.path("vectors-1.f32"))
            try expectDamage(disk, telling: "vectors-1.f32 is missing")
        }
    }

    enum Harm: CaseIterable, Sendable { case missing, short, headless, wrongHeader, otherGeneration }

    @Test(arguments: Harm.allCases) func committedWithTheTargetHarmed(_ harm: Harm) throws {
        try withKilledRewrite(at: .removeSource) { disk, _, paths in
            let target = paths.directory.path("vectors-2.f32")
            let bytes = try TestFiles.read(target)
            let source = try TestFiles.read(paths.directory.path("vectors-1.f32"))
            switch harm {
            case .missing: TestFiles.remove(target)
            case .short: try TestFiles.write(Array(bytes.dropLast(5_000)), to: target)
            case .headless: try TestFiles.write([], to: target)
            case .wrongHeader: try TestFiles.overwrite(target, at: 20, [~bytes[20]])
            case .otherGeneration: try TestFiles.write(source, to: target)
            }
            try expectDamage(disk, telling: "vectors-2.f32", "vectors-1.f32, from which its data file was copied")
            #expect(try TestFiles.read(paths.directory.path("vectors-1.f32")) == source)
        }
    }

    /// An index from before a rewrite was put back: the file that it names is gone, and the newer file is the only copy
    /// of the rows.
    @Test func newerFileThatNothingNames() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let index = disk.directory + "/index.sqlite"
                var store = try Scenario.prepare(disk, dimension: Self.dimension).0
                try store.close()
                let old = try TestFiles.read(index)
                store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                try store.compact(.rewrite)
                try store.close()
                for suffix in ["-wal", "-shm"] { TestFiles.remove(index + suffix) }
                try TestFiles.write(old, to: index)
                try expectDamage(disk, telling: "an older index.sqlite was put back")
                // There is no mark of the commits, so only the files show it.
                try TestFiles.write([], to: disk.directory + "/" + StorePaths.writerLockName)
                try expectDamage(disk, telling: "vectors-1.f32 is missing", "vectors-2.f32 is there")
            }
        }
    }

    // MARK: Files of somebody else's

    static let foreign: [[UInt8]] = [
        Array("a short note".utf8), [UInt8](repeating: 7, count: 4_096), [UInt8](repeating: 0, count: 10_000),
    ]

    /// A foreign file has the name of a rewrite's target: the rewrite takes the next number.
    @Test(arguments: foreign) func foreignFileUnderTheTargetsName(_ bytes: [UInt8]) throws {
        _ = try withForeignTarget(bytes) { _, store in
            let report = try store.compact(.rewrite)
            #expect(report.generation == 3)
            return false
        }
    }

    /// The disk is full when the journal must name another target: the file that it still names isn't ours, and must
    /// not be removed.
    @Test func foreignFileUnderTheTargetsNameOnAFullDisk() throws {
        var failed = true
        var count = 0
        while failed {
            failed = try withForeignTarget(Self.foreign[0]) { disk, store in
                disk.inject(
                    DiskFault(errno: ENOSPC, skipping: count, times: 2, matches: { $0.isOnLog && $0.kind == .write })
                )
                _ = try? store.compact(.rewrite)
                let failed = disk.failures > 0
                disk.inject(nil)
                return failed
            }
            count += 1
        }
    }

    private func withForeignTarget(
        _ bytes: [UInt8],
        _ compact: (TestDisk, VectorStore<Int64>) throws -> Bool
    ) throws -> Bool {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let foreign = disk.directory + "/vectors-2.f32"
                let (result, model) = try {
                    let (store, model) = try Scenario.prepare(disk, dimension: Self.dimension)
                    try TestFiles.write(bytes, to: foreign)
                    return (try compact(disk, store), model)
                }()
                #expect(try TestFiles.read(foreign) == bytes)
                let report = try recover(disk)
                #expect(try TestFiles.read(foreign) == bytes)
                #expect(report.actions.contains { $0.kind == .leaveFile && $0.file == "vectors-2.f32" })
                TestFiles.remove(foreign)
                try check(disk, holds: model)
                return result
            }
        }
    }
}
