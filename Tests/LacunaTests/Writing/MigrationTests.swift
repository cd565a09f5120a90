import Foundation
import LacunaMigrations
import TestSupport
import Testing

@testable import Lacuna

@Suite struct MigrationTests {
    /// Makes a store of an earlier schema, with live and dead rows.
    private static func withOldStore(
        _ version: Int,
        leavingLog: Bool = false,
        _ body: (String, CrashModel) throws -> Void
    ) throws {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 8, metric: .dot))
            for id in Int64(1)...7 {
                try store.put(CrashModel.vector(id, version: 0, dimension: 8), for: id, metadataJSON: "{\"id_\":\(id)}")
            }
            try store.put(CrashModel.vector(3, version: 1, dimension: 8), for: 3, replacing: true)
            try store.delete([1, 6])
            let model = try CrashModel(of: store)
            try store.close()
            try EarlierSchema.make(version, of: path, leavingLog: leavingLog)
            try body(path, model)
        }
    }

    private static let versions = [(1, false), (1, true), (2, false), (2, true), (3, false), (3, true)]

    private static func version(_ path: String) throws -> SQLValue? {
        try rawConnection(path + "/index.sqlite").value("PRAGMA user_version")
    }

    /// Readers change nothing, and their error says what to do.
    @Test(arguments: versions) func anOldStoreIsNotRead(_ version: Int, _ leavingLog: Bool) throws {
        try Self.withOldStore(version, leavingLog: leavingLog) { path, _ throws in
            let error = #expect(throws: VectorStoreError.self) {
                try VectorStore<Int64>.open(at: path, access: .readOnly)
            }
            #expect(error?.code == .needsMigration)
            #expect(try VectorStoreRecovery.recover(at: path, dryRun: true).state == .clean)
            #expect(try Self.version(path) == .integer(Int64(version)))
        }
    }

    @Test(arguments: versions) func anOldStoreIsMigratedByItsWriter(_ version: Int, _ leavingLog: Bool) throws {
        try Self.withOldStore(version, leavingLog: leavingLog) { path, model in
            var model = model
            let store = try VectorStore<Int64>.open(at: path)
            let reader = try VectorStore<Int64>.open(at: path, access: .readOnly)
            #expect(try Self.version(path) == .integer(Int64(StoreIndex.schemaVersion)))
            #expect(try store.search(for: CrashModel.vector(3, version: 1, dimension: 8), limit: 9).count == 5)
            try store.put(CrashModel.vector(9, version: 0, dimension: 8), for: 9)
            model.put(9, CrashModel.vector(9, version: 0, dimension: 8), nil)
            #expect(try CrashModel(of: store) == model)
            #expect(try CrashModel(of: reader) == model)
            #expect(try store.verify().isSound)
            try store.compact(.rewrite)
            #expect(try CrashModel(of: store) == model)
            try store.close()
        }
    }

    /// A migration that was interrupted leaves tables that nobody reads; the next one begins anew.
    @Test func anInterruptedMigrationBeginsAnew() throws {
        try Self.withOldStore(2) { path, model in
            try tamper(path + "/index.sqlite", "CREATE TABLE migration_vectors (x)", "CREATE TABLE migration_dead (x)")
            let store = try VectorStore<Int64>.open(at: path)
            #expect(try CrashModel(of: store) == model)
            #expect(try store.verify().isSound)
            try store.close()
            #expect(
                try rawConnection(path + "/index.sqlite").value(
                    "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'migration%'"
                ) == .integer(0)
            )
        }
    }

    /// People's own tables may have the names of the new tables, in any case; those are left alone.
    @Test(arguments: [(2, "dead"), (2, "Model"), (3, "reembedding"), (3, "MODEL")])
    func aTableOfAnotherProgramIsInTheWay(_ version: Int, _ name: String) throws {
        try Self.withOldStore(version) { path, model in
            let index = path + "/index.sqlite"
            try tamper(index, "CREATE TABLE \(name) (name)", "INSERT INTO \(name) VALUES ('parrot')")
            let error = #expect(throws: VectorStoreError.self) { try VectorStore<Int64>.open(at: path) }
            #expect(error?.code == .alreadyExists && error?.problem.contains("`\(name)`") == true)
            #expect(try rawConnection(index).value("SELECT name FROM \(name)") == "parrot")
            #expect(try Self.version(path) == .integer(Int64(version)))
            try tamper(index, "ALTER TABLE \(name) RENAME TO parrots")
            let store = try VectorStore<Int64>.open(at: path)
            #expect(try CrashModel(of: store) == model)
            try store.close()
            #expect(try rawConnection(index).value("SELECT name FROM parrots") == "parrot")
        }
    }

    /// If the disk is too full for the new tables, the old store stays: its version can read it, and it can be migrated
    /// later.
    @Test(.enabled(if: Mounts.areAllowed, "needs the right to mount"), .timeLimit(.minutes(40)))
    func aFullDiskLeavesTheOldStore() throws {
        let scratch = try Scratch()
        let mount = scratch.path + "/disk"
        try Mounts.withTmpfs(megabytes: 16, at: mount) {
            let path = mount + "/store"
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 1, metric: .euclidean))
            try store.write { batch in for id in Int64(0)..<60_000 { try batch.put([Float(id)], for: id) } }
            try store.close()
            try EarlierSchema.make(2, of: path)
            let filler = mount + "/filler"
            #expect(FileManager.default.createFile(atPath: filler, contents: nil))
            try edit(filler) { file in
                for size in [1 << 16, 1 << 12] {
                    do { while true { try file.write(contentsOf: Data(count: size)) } } catch {}
                }
            }
            let error = #expect(throws: VectorStoreError.self) { try VectorStore<Int64>.open(at: path) }
            #expect(error?.code == .diskFull)
            try FileManager.default.removeItem(atPath: filler)
            #expect(try Self.version(path) == 2)
            #expect(try rawConnection(path + "/index.sqlite").value("SELECT count(*) FROM vectors") == 60_000)
            let again = try VectorStore<Int64>.open(at: path)
            #expect(try again.count == 60_000 && again.verify().isSound)
            try again.close()
        }
    }

    /// The claimed length exceeds that of any store: it is refused at once, and not counted slot by slot.
    @Test func aHugeClaimIsRefused() throws {
        try Self.withOldStore(2) { path, _ in
            let slots = Int64(1) << 40
            try tamper(path + "/index.sqlite", "UPDATE store SET next_offset = \(4_096 + slots * 32)")
            try edit(path + "/vectors-1.f32") { try $0.truncate(atOffset: UInt64(4_096 + slots * 32)) }
            let error = #expect(throws: VectorStoreError.self) { try VectorStore<Int64>.open(at: path) }
            #expect(error?.code == .damaged)
            #expect(try Self.version(path) == 2)
        }
    }

    /// The stored schema equals the script byte for byte, whether the store was created or migrated.
    @Test func theSchemaIsTheScripts() throws {
        func schema(_ path: String) throws -> [String] {
            var texts: [String] = []
            try rawConnection(path + "/index.sqlite").forEach(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name"
            ) { row throws(VectorStoreError) in texts.append(try row.text(0)) }
            return texts
        }
        let script = String(decoding: Migrations.scripts[2], as: UTF8.self)
        try TestFiles.withDirectory { parent in
            let new = parent + "/new"
            try VectorStore<Int64>.create(at: new, configuration: .init(dimension: 8)).close()
            let texts = try schema(new)
            #expect(texts.contains { $0.hasPrefix("CREATE TABLE store (") && script.contains($0 + ";") })
            for version in [1, 2, 3] {
                try Self.withOldStore(version) { path, _ in
                    try VectorStore<Int64>.open(at: path).close()
                    #expect(try schema(path) == texts)
                }
            }
        }
    }

    /// A migration's commits have numbers, because the database before it differs from the one after it.
    @Test(arguments: [1, 2, 3]) func aMigrationHasANumber(_ version: Int) throws {
        try Self.withOldStore(version) { path, _ in
            let index = path + "/index.sqlite"
            func sequence() throws -> Int64? {
                try rawConnection(index).first("SELECT commit_sequence FROM store") { $0.integer(0) }
            }
            let before = try #require(try sequence())
            try VectorStore<Int64>.open(at: path).close()
            #expect(try sequence() ?? 0 > before)
            #expect(try rawConnection(index).value("SELECT log_base FROM store") == .integer(before))
        }
    }
}
