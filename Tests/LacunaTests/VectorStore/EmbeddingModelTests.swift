import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// A store keeps the description of the model that made its vectors, and isn't opened with another.
@Suite struct EmbeddingModelTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func make(_ model: EmbeddingModel?) throws {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2, model: model))
        try store.put([1, 0], for: 1)
        try store.close()
    }

    private func open(_ model: EmbeddingModel?, _ access: VectorStoreAccess) throws {
        try VectorStore<Int64>.open(at: scratch.store, access: access, options: .init(model: model)).close()
    }

    private static let models: [EmbeddingModel?] = [
        nil, EmbeddingModel("e5"), EmbeddingModel("e5", version: "2"), EmbeddingModel("é5", normalized: true),
        EmbeddingModel("e 'five'", version: "v\n1", normalized: false),
        EmbeddingModel(String(repeating: "m", count: 255)),
    ]

    @Test(arguments: models) func theStoreSaysItsModel(_ model: EmbeddingModel?) throws {
        try make(model)
        #expect(try VectorStoreInfo.read(at: scratch.store).model == model)
        for access in [VectorStoreAccess.readWrite, .readOnly] {
            let store = try VectorStore<Int64>.open(at: scratch.store, access: access, options: .init(model: model))
            #expect(try store.info.model == model)
            try store.close()
        }
    }

    /// The columns are those that docs/format.md describes.
    @Test func theShellReadsIt() throws {
        try make(EmbeddingModel("e5", version: "2", normalized: true))
        let row = try rawConnection(scratch.index).rows(4, "SELECT singleton, name, version, normalized FROM model")
        #expect(row == [[1, "e5", "2", 1]])
    }

    private static let known = EmbeddingModel("e5", version: "2", normalized: true)
    private static let others = [
        EmbeddingModel("e6", version: "2", normalized: true), EmbeddingModel("E5"), EmbeddingModel("e5", version: "3"),
        EmbeddingModel("e5", normalized: false),
    ]

    @Test(arguments: others) func anotherModelIsRefused(_ other: EmbeddingModel) throws {
        try make(Self.known)
        func contents() throws -> [String: Data] {
            try scratch.contents().filter { !$0.key.hasPrefix("index.sqlite-") }
        }
        let before = try contents()
        for access in [VectorStoreAccess.readWrite, .readOnly] {
            let error = expectError(.differentModel) { try open(other, access) }
            #expect(error?.problem.contains("e5, version 2, normalized") == true)
            #expect(error?.problem.contains("not of \(other)") == true)
        }
        #expect(try contents() == before)
    }

    /// What only one of both says contradicts nothing.
    @Test func whatIsNotSaidAgrees() throws {
        try make(Self.known)
        for access in [VectorStoreAccess.readWrite, .readOnly] {
            try open(nil, access)
            try open(EmbeddingModel("e5"), access)
            try open(EmbeddingModel("e5", normalized: true), access)
        }
    }

    @Test func aStoreWithoutAModelIsOpenedWithAny() throws {
        try make(nil)
        for access in [VectorStoreAccess.readWrite, .readOnly] { try open(Self.known, access) }
        #expect(try VectorStoreInfo.read(at: scratch.store).model == nil)
    }

    @Test(arguments: [
        EmbeddingModel(""), EmbeddingModel("a\0b"), EmbeddingModel(String(repeating: "m", count: 256)),
        EmbeddingModel(String(repeating: "é", count: 128)), EmbeddingModel("m", version: ""),
        EmbeddingModel("m", version: "1\0"), EmbeddingModel("m", version: String(repeating: "1", count: 256)),
    ])
    func badDescriptionsAreRefused(_ model: EmbeddingModel) throws {
        expectError(.invalidArgument) { try make(model) }
        #expect(!exists(scratch.store))
        try make(nil)
        for access in [VectorStoreAccess.readWrite, .readOnly] {
            expectError(.invalidArgument) { try open(model, access) }
        }
    }

    /// Backups, rewrites, erasures and salvages keep the model.
    @Test func itIsKept() throws {
        try make(Self.known)
        let store = try VectorStore<Int64>.open(at: scratch.store)
        try store.put([0, 1], for: 2)
        try store.compact(.rewrite)
        try store.erase([1])
        #expect(try store.info.model == Self.known)
        let backup = scratch.path + "/backup"
        try store.backup(to: backup)
        #expect(try VectorStoreInfo.read(at: backup).model == Self.known)
        try store.close()
        let report = try VectorStoreRecovery.salvage(at: scratch.store) { _ in }
        #expect(report.model == Self.known && report.state == .clean)
    }

    /// Only a forged or rotten index has such a row; salvage reads the store all the same.
    @Test(arguments: [
        "name = ''", "name = 'a' || char(0)", "version = hex(zeroblob(200))", "normalized = 2",
        "name = CAST(x'ff' AS TEXT)",
    ])
    func aRottenDescriptionIsDamage(_ change: String) throws {
        try make(Self.known)
        try tamper(scratch.index, "UPDATE model SET \(change)")
        for access in [VectorStoreAccess.readWrite, .readOnly] { expectError(.damaged) { try open(nil, access) } }
        let salvaged = try SalvagedStore(scratch)
        #expect(salvaged.verified.count == 1 && salvaged.report.model == nil)
        #expect(salvaged.report.state == .damaged && !salvaged.report.problems.isEmpty)
    }
}
