#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Rows of float16 and int8, read without conversion.
@Suite struct StoredComponentTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    @Test("rows are read as the data file has them", arguments: [ElementType.float16, .int8], [1, 7, 33])
    func storedComponents(_ element: ElementType, _ dimension: Int) throws {
        var random = SplitMix64(seed: 9)
        // Halves that use all their bits, and float16's smallest numbers.
        let scale: Float = element == .int8 ? 1 : 0x1.234p-17
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, element: element)
        )
        try store.write { batch in
            for id in Int64(0)..<80 {
                let vector = random.bytes(dimension).map { scale * Float(Int8(bitPattern: $0)) }
                try batch.put(vector, for: id)
            }
        }
        let stride = dimension * ElementFacts(element).bytes
        let file = [UInt8](try Data(contentsOf: URL(filePath: scratch.file(store.info.dataFile))))
        // By the index, then from the cache of ids, then by the index of a snapshot.
        func expectStored() throws {
            for id in Int64(0)..<80 {
                let begin = 4_096 + Int(id) * stride
                let bytes = Array(file[begin..<begin + stride])
                #expect(try storedBytes(of: id, in: store, element) == bytes)
                #expect(try store.read { try storedBytes(of: id, in: $0, element) } == bytes)
            }
        }
        try expectStored()
        let cache = try #require(store.memory.rowIDs)
        cache.finishFilling()
        #expect(cache.contains(RowKey(1)) == true)
        try expectStored()
        #expect(try storedBytes(of: 80, in: store, element) == nil)
        #expect(try store.read { try storedBytes(of: 80, in: $0, element) } == nil)
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try storedBytes(of: 3, in: reader, element) == Array(file[4_096 + 3 * stride..<4_096 + 4 * stride]))
    }

    private func storedBytes(of id: Int64, in store: VectorStore<Int64>, _ element: ElementType) throws -> [UInt8]? {
        element == .int8
            ? try store.withVector(for: id, as: Int8.self, Self.bytes)
            : try store.withVector(for: id, as: Float16.self, Self.bytes)
    }

    private func storedBytes(
        of id: Int64,
        in snapshot: borrowing VectorStoreSnapshot<Int64>,
        _ element: ElementType
    ) throws -> [UInt8]? {
        element == .int8
            ? try snapshot.withVector(for: id, as: Int8.self, Self.bytes)
            : try snapshot.withVector(for: id, as: Float16.self, Self.bytes)
    }

    /// The bytes that the data file's format gives to components, in its little-endian order.
    private static func bytes(_ row: Span<Int8>) -> [UInt8] { row.indices.map { UInt8(bitPattern: row[$0]) } }

    private static func bytes(_ row: Span<Float16>) -> [UInt8] {
        row.indices.flatMap { [UInt8(row[$0].bitPattern & 0xFF), UInt8(row[$0].bitPattern >> 8)] }
    }

    @Test("a type that isn't the element's is refused", arguments: ElementType.allCases)
    func otherTypes(_ element: ElementType) throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 2, element: element)
        )
        try store.put([1, 2], for: 1)
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        for store in [store, reader] {
            // An id without a row makes no difference.
            for id in Int64(1)...2 {
                if element != .float16 {
                    let error = expectError(.invalidArgument) {
                        try store.withVector(for: id, as: Float16.self) { _ in Issue.record("called") }
                    }
                    #expect(error?.problem == "the store's components are \(element), and can't be read as Float16")
                    expectError(.invalidArgument) {
                        try store.read { try $0.withVector(for: id, as: Float16.self) { _ in } }
                    }
                }
                if element != .int8 {
                    let error = expectError(.invalidArgument) {
                        try store.withVector(for: id, as: Int8.self) { _ in Issue.record("called") }
                    }
                    #expect(error?.problem == "the store's components are \(element), and can't be read as Int8")
                    expectError(.invalidArgument) {
                        try store.read { try $0.withVector(for: id, as: Int8.self) { _ in } }
                    }
                }
            }
        }
    }
}
#endif
