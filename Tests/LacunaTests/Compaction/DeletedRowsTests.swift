import Foundation
import Testing

@testable import Lacuna

/// The bug in other stores: a deleted row can still be read in the file after its space was given back.
@Suite struct DeletedRowsTests {
    private static let dimension = 1_024

    /// Rows of 4 KiB, each full of its own id.
    private func store(_ scratch: Scratch) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension, metric: .dot)
        )
        try store.write { batch in
            for id in 1...40 { try batch.put(row(id), for: Int64(id)) }
        }
        return store
    }

    private func row(_ id: Int) -> [Float] { Array(repeating: Float(id), count: Self.dimension) }

    /// Returns whether the data file holds a whole row's bytes anywhere.
    private func holds(_ id: Int, _ scratch: Scratch, generation: Int) throws -> Bool {
        let file = try Data(contentsOf: URL(fileURLWithPath: scratch.file("vectors-\(generation).f32")))
        let bytes = row(id).flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
        return file.range(of: Data(bytes)) != nil
    }

    @Test func aRewriteLeavesThemBehind() throws {
        let scratch = try Scratch()
        let store = try store(scratch)
        try store.delete(Array(10...19))
        #expect(try holds(12, scratch, generation: 1), "deleting alone overwrites nothing")
        try store.compact(.rewrite)
        #expect(!FileManager.default.fileExists(atPath: scratch.file("vectors-1.f32")))
        for id in 1...40 { #expect(try holds(id, scratch, generation: 2) == !(10...19).contains(id)) }
    }

    @Test func aPunchZeroesThem() throws {
        let scratch = try Scratch()
        let store = try store(scratch)
        try store.delete(Array(10...19))
        try store.compact(.punch)
        for id in 1...40 { #expect(try holds(id, scratch, generation: 1) == !(10...19).contains(id)) }
    }
}
