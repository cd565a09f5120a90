import LacunaMigrations
import Testing

@testable import Lacuna

@Suite struct MigrationTests {
    private static func withOldStore(
        leavingLog: Bool = false,
        _ body: (String, CrashModel) throws -> Void
    ) throws {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            let store = try VectorStore<Int64>.create(at: path, .init(dimension: 8, metric: .dot))
            for id in Int64(1)...5 {
                try store.put(CrashModel.vector(id, version: 0, dimension: 8), for: id, metadataJSON: "{\"id_\":\(id)}")
            }
            let model = try CrashModel(of: store)
            try store.close()
            try SchemaVersion1.make(of: path, leavingLog: leavingLog)
            try body(path, model)
        }
    }

    private static func version(_ path: String) throws -> SQLValue? {
        try rawConnection(path + "/index.sqlite").value("PRAGMA user_version")
    }

    /// Readers change nothing, and need nothing that is new.
    @Test(arguments: [false, true]) func anOldStoreIsRead(_ leavingLog: Bool) throws {
        try Self.withOldStore(leavingLog: leavingLog) { path, model in
            let store = try VectorStore<Int64>.open(at: path, .readOnly)
            #expect(try CrashModel(of: store) == model)
            #expect(try store.info.schemaVersion == 1)
            try store.close()
            #expect(try VectorStoreInfo.read(at: path).schemaVersion == 1)
            #expect(try VectorStoreRecovery.run(at: path, dryRun: true).state == .clean)
            #expect(try Self.version(path) == 1)
        }
    }

    @Test(arguments: [false, true]) func anOldStoreIsMigratedByItsWriter(_ leavingLog: Bool) throws {
        try Self.withOldStore(leavingLog: leavingLog) { path, model in
            var model = model
            // It goes on reading through the migration.
            let reader = try VectorStore<Int64>.open(at: path, .readOnly)
            #expect(try reader.count == 5)
            let store = try VectorStore<Int64>.open(at: path)
            #expect(try Self.version(path) == 2)
            try store.put(CrashModel.vector(9, version: 0, dimension: 8), for: 9)
            model.put(9, CrashModel.vector(9, version: 0, dimension: 8), nil)
            #expect(try CrashModel(of: store) == model)
            #expect(try CrashModel(of: reader) == model)
            #expect(try store.verify().isSound)
            try store.close()
        }
    }

    /// What the schema says is the script, byte for byte, whichever way it came there.
    @Test func theSchemaIsTheScripts() throws {
        func schema(_ path: String) throws -> [String] {
            var texts: [String] = []
            try rawConnection(path + "/index.sqlite").forEach(
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' ORDER BY name"
            ) { row throws(VectorStoreError) in texts.append(try row.text(0)) }
            return texts
        }
        let script = String(decoding: Migrations.scripts[1], as: UTF8.self)
        try TestFiles.withDirectory { parent in
            let new = parent + "/new"
            try VectorStore<Int64>.create(at: new, .init(dimension: 8)).close()
            let texts = try schema(new)
            #expect(texts.contains { $0.hasPrefix("CREATE TABLE store (") && script.contains($0 + ";") })
            try Self.withOldStore { path, _ in
                try VectorStore<Int64>.open(at: path).close()
                #expect(try schema(path) == texts)
            }
        }
    }

    /// A migration is a commit with a number: the database before it is another one than the database after.
    @Test func aMigrationHasANumber() throws {
        try Self.withOldStore { path, _ in
            let index = path + "/index.sqlite"
            func sequence() throws -> Int64? {
                try rawConnection(index).first("SELECT commit_sequence FROM store") { $0.integer(0) }
            }
            let before = try #require(try sequence())
            try VectorStore<Int64>.open(at: path).close()
            #expect(try sequence() == before + 1)
            #expect(try rawConnection(index).value("SELECT log_base FROM store") == .integer(before))
        }
    }
}
