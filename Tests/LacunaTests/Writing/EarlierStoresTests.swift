import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Stores that the code of earlier schema versions has made; see Fixtures/earlier-schemas.
@Suite struct EarlierStoresTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    enum Kind: String, CaseIterable { case integer, text, uuid }

    private static let versions = [1, 2, 3]

    /// Unpacks the stores of a version, and returns the path of one.
    private func unpack(_ version: Int, _ name: String, into folder: String = "stores") throws -> String {
        let fixtures = try #require(Bundle.module.url(forResource: "Fixtures", withExtension: nil))
        let archive = fixtures.appendingPathComponent("earlier-schemas/schema-\(version).tar.gz").path
        let directory = "\(scratch.path)/\(folder)"
        if exists(directory) { try remove(directory) }
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        try Program.succeed("tar", "-xzf", archive, "-C", directory)
        return "\(directory)/schema-\(version)/\(name)"
    }

    /// The rows that the script wrote when it made the stores. It made the last two commits after it had killed a
    /// rewrite.
    private func model<ID: VectorID>(_: ID.Type, isInterrupted: Bool = false) throws -> StoreModel<ID> {
        var model = StoreModel<ID>()
        func put(_ number: Int, _ version: Int = 0, hasMetadata: Bool = true) throws {
            let vector = [Float(number), Float(version), Float(number) + 0.5, -Float(number), 0.25, 1, -2, 3]
            let json = hasMetadata ? "{\"number\": \(number), \"version\": \(version)}" : nil
            model.put(vector, for: try id(number), json: json)
        }
        for number in 1...7 { try put(number) }
        try put(3, 1)
        model.delete(try id(1))
        model.rewrite()
        model.delete(try id(2))
        model.compactInPlace()
        try put(8)
        try put(4, 1, hasMetadata: false)
        model.delete(try id(6))
        if isInterrupted { return model }
        try put(9)
        model.delete(try id(7))
        return model
    }

    private func id<ID: VectorID>(_ number: Int) throws -> ID {
        let id: Any
        switch (ID.self, number) {
        case (is Int64.Type, 8): id = Int64(-8)
        case (is Int64.Type, 9): id = Int64.max
        case (is Int64.Type, _): id = Int64(number)
        case (is String.Type, 9): id = "long " + String(repeating: "0", count: 4_999) + "9"
        case (is String.Type, _): id = "naïve \(number)"
        default: id = try #require(UUID(uuidString: "0123abcd-4567-4890-abcd-00000000000\(number)"))
        }
        return try #require(id as? ID)
    }

    private func value(_ path: String, _ sql: String) throws -> SQLValue {
        try rawConnection(path + "/index.sqlite").value(sql)
    }

    /// All columns of the journal, for all compactions that there were.
    private func journal(_ path: String) throws -> [[SQLValue]] {
        try rawConnection(path + "/index.sqlite").rows(15, "SELECT * FROM compaction_journal ORDER BY id")
    }

    // MARK: Tests

    @Test(arguments: versions, Kind.allCases) func everyRowIsMigrated(_ version: Int, _ kind: Kind) throws {
        switch kind {
        case .integer: try expectMigration(version, kind, Int64.self)
        case .text: try expectMigration(version, kind, String.self)
        case .uuid: try expectMigration(version, kind, UUID.self)
        }
    }

    private func expectMigration<ID: VectorID>(_ version: Int, _ kind: Kind, _: ID.Type) throws {
        let history = try journal(unpack(version, kind.rawValue, into: "before"))
        #expect(history.map { $0[1...2] } == [["rewrite", "finished"], ["in-place", "finished"]])
        let path = try unpack(version, kind.rawValue)
        // Some of the rows are in the log alone.
        #expect(try sizes(path + "/index.sqlite-wal").length > 0)
        var model = try model(ID.self)
        let store = try VectorStore<ID>.open(at: path)
        #expect(try value(path, "PRAGMA user_version") == .integer(Int64(StoreIndex.schemaVersion)))
        try expectSame(store, model, path)
        #expect(try journal(path) == history)
        // It can be used like any other store.
        let vector = [Float](repeating: 7, count: 8)
        let first: ID = try id(1)
        try store.put(vector, for: first)
        model.put(vector, for: first, json: nil)
        try expectNearest(
            store.search(for: vector, limit: 3),
            model.nearest(vector, .euclidean),
            limit: 3,
            tolerance: 1e-6
        )
        try store.compact(.rewrite)
        model.rewrite()
        try store.close()
        let again = try VectorStore<ID>.open(at: path, access: .readOnly)
        try expectSame(again, model, path)
        try again.close()
    }

    /// Readers change nothing, and their error says what to do.
    @Test(arguments: versions, Kind.allCases) func readersAskForAMigration(_ version: Int, _ kind: Kind) throws {
        let path = try unpack(version, kind.rawValue)
        func contents() throws -> [String: Data] {
            var contents: [String: Data] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: path) where !name.hasSuffix("-shm") {
                contents[name] = try read(path + "/" + name)
            }
            return contents
        }
        let before = try contents()
        func open<ID: VectorID>(_: ID.Type) throws { try VectorStore<ID>.open(at: path, access: .readOnly).close() }
        let error = #expect(throws: VectorStoreError.self) {
            switch kind {
            case .integer: try open(Int64.self)
            case .text: try open(String.self)
            case .uuid: try open(UUID.self)
            }
        }
        #expect(error?.code == .needsMigration)
        #expect(try contents() == before)
    }

    /// The end of its process has cut a rewrite short: the rewrite's target is removed, and the journal says so.
    @Test(arguments: versions) func aRewriteThatWasKilledIsUndone(_ version: Int) throws {
        let path = try unpack(version, "interrupted")
        #expect(exists(path + "/vectors-3.f32"))
        let store = try VectorStore<Int64>.open(at: path)
        try expectSame(store, model(Int64.self, isInterrupted: true), path)
        #expect(!exists(path + "/vectors-3.f32"))
        #expect(try journal(path).map { $0[1...2] }.last == ["rewrite", "aborted"])
        try store.close()
    }

    /// If the process that migrates a store ends at any moment, the next one begins anew. At some of these moments,
    /// tables that are not filled yet lie beside the old ones, if the version has byte offsets.
    @Test(arguments: versions) func anInterruptedMigrationBeginsAnew(_ version: Int) throws {
        let path = try unpack(version, "text")
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        let files = try Dictionary(
            uniqueKeysWithValues: names.map { ($0, FileImage([UInt8](try read("\(path)/\($0)")))) }
        )
        let moments = try TestDisk.holding(files) { disk in
            disk.record()
            try VectorStore<String>.open(at: disk.directory, fileSystem: disk.fileSystem).close()
            return disk.moments
        }
        let model = try model(String.self)
        let tablesBeside = "SELECT count(*) FROM sqlite_schema WHERE name LIKE 'migration%'"
        var interrupted = 0
        for moment in moments {
            try TestDisk.killed(at: moment) { disk in
                // Opening the store itself would change it.
                let copy = scratch.path + "/copy"
                try TestFiles.copy(disk.directory, copy)
                if try value(copy, tablesBeside) != 0 { interrupted += 1 }
                try remove(copy)
                let store = try VectorStore<String>.open(at: disk.directory)
                try expectSame(store, model, disk.directory)
                #expect(try value(disk.directory, tablesBeside) == 0)
                try store.close()
            }
        }
        #expect((interrupted > 0) == (version < StoreIndex.slotVersion))
    }
}
