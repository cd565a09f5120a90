import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Rows of every element, through everything that a store does.
@Suite struct ElementTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// A vector, and the components that a store of the element has of it.
    private func vector(_ element: ElementType, _ dimension: Int, _ random: inout SplitMix64) -> (
        put: [Float], stored: [Float]
    ) {
        switch element {
        case .float32:
            let vector = random.floats(dimension)
            return (vector, vector)
        case .float16:
            let halves = (0..<dimension).map { _ in UInt16(truncatingIfNeeded: random.next()) & 0xBFFF }
            let stored = halves.map { Float(half: $0) }
            // An eighth of the distance to the next half is rounded off.
            let put = halves.map { half in Float(half: half) + (Float(half: half + 1) - Float(half: half)) / 8 }
            return (put, stored)
        case .int8:
            let vector = random.bytes(dimension).map { Float(Int8(bitPattern: $0)) }
            return (vector, vector)
        }
    }

    @Test("vectors come back as the element has them", arguments: ElementType.allCases, [1, 7, 16, 33, 1_025])
    func roundTrip(_ element: ElementType, _ dimension: Int) throws {
        var random = SplitMix64(seed: UInt64(dimension))
        var model = StoreModel<Int64>()
        var store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, metric: .dot, element: element)
        )
        #expect(try store.info.element == element)
        try store.write { batch in
            for id in Int64(1)...60 {
                let (put, stored) = vector(element, dimension, &random)
                try batch.put(put.span, for: id)
                model.put(stored, for: id, json: nil)
            }
        }
        try expectSame(store, model, scratch.store)
        try store.close()
        store = try .open(at: scratch.store)
        #expect(try store.info.dataFile == "vectors-1.\(ElementFacts(element).ending)")
        // The second round finds the rows through the cache of ids.
        for _ in 0..<2 {
            for row in model.inIDOrder {
                let seen = try store.withVector(for: row.id) { row in row.indices.map { row[$0].bitPattern } }
                #expect(seen == row.vector.bitPatterns)
                #expect(try store.vector(for: row.id)?.bitPatterns == row.vector.bitPatterns)
            }
        }
        for id in Int64(1)...20 { model.delete(3 * id) }
        try store.delete((1...20).map { 3 * $0 })
        try store.compact(.inPlace)
        model.compactInPlace()
        try expectSame(store, model, scratch.store)
        for id in Int64(1)...5 { model.delete(4 * id) }
        try store.delete((1...5).map { 4 * $0 })
        try store.compact(.rewrite)
        model.rewrite()
        try expectSame(store, model, scratch.store)
        let copy = scratch.path + "/copy.lacuna"
        try store.backup(to: copy)
        try store.erase([1])
        try store.close()
        let restored = try VectorStore<Int64>.open(at: copy, access: .readOnly)
        try expectSame(restored, model, copy)
        #expect(try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).verify().isSound)
    }

    @Test(
        "searches answer as those of a float32 store with the same values",
        arguments: [ElementType.float16, .int8],
        DistanceMetric.allCases
    )
    func searches(_ element: ElementType, _ metric: DistanceMetric) throws {
        var random = SplitMix64(seed: 4)
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 67, metric: metric, element: element)
        )
        let wide = try VectorStore<Int64>.create(
            at: scratch.path + "/wide.lacuna",
            configuration: .init(dimension: 67, metric: metric)
        )
        let rows = (0..<700).map { _ in vector(element, 67, &random) }
        try store.write { for (id, row) in rows.enumerated() { try $0.put(row.put, for: Int64(id)) } }
        try wide.write { for (id, row) in rows.enumerated() { try $0.put(row.stored, for: Int64(id)) } }
        let dead = (0..<200).map { Int64($0 * 3) }
        try store.delete(dead)
        try wide.delete(dead)
        let queries = (0..<6).map { _ in random.floats(67, scale: 100) } + [rows[1].stored]
        for query in queries {
            let found = try store.search(for: query, limit: 40)
            #expect(found == (try wide.search(for: query, limit: 40)))
            #expect(found.count == 40)
        }
        try store.accelerate()
        for query in queries {
            #expect(try store.search(for: query, limit: 40) == wide.search(for: query, limit: 40), "by codes")
        }
        let together = try store.search(forEach: queries, limit: 9, where: "id % 2 = 1")
        #expect(together == (try wide.search(forEach: queries, limit: 9, where: "id % 2 = 1")))
    }

    @Test(
        "a component without a place is named, and nothing changes",
        arguments: [
            (ElementType.float16, Float(65_520)), (.float16, -1e6), (.int8, 1.5), (.int8, 128), (.int8, -129),
            (.int8, 1e30), (.int8, .leastNonzeroMagnitude),
        ]
    )
    func refusals(_ element: ElementType, _ value: Float) throws {
        let store = try VectorStore<String>.create(
            at: scratch.store,
            configuration: .init(dimension: 5, element: element)
        )
        try store.put([1, 2, 3, 4, 5], for: "before")
        let error = expectError(.invalidVector) {
            try store.write { batch in
                try batch.put([5, 4, 3, 2, 1], for: "whole")
                try batch.put([1, 2, value, value, 5], for: "the id")
            }
        }
        #expect(error?.ids == ["the id"])
        #expect(error?.problem.contains("component 2 of the vector of id the id is \(value)") == true)
        #expect(error?.remedy != nil)
        try store.put([-1, -2, -3, -4, -5], for: "after")
        #expect(try store.ids() == ["after", "before"])
        #expect(try store.vector(for: "after") == [-1, -2, -3, -4, -5])
        #expect(try store.verify().isSound)
    }

    @Test("what is no number is refused by every element", arguments: ElementType.allCases)
    func numbers(_ element: ElementType) throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 2, element: element)
        )
        for value in [Float.nan, .infinity, -.infinity] {
            let error = expectError(.invalidVector) { try store.put([1, value], for: 7) }
            #expect(error?.problem.contains("component 1 of the vector of id 7 is not a finite number") == true)
        }
        #expect(try store.count == 0)
    }

    /// In a group, batches share a transaction. One that fails must leave no bytes among the rows of the others.
    @Test("batches that fail leave the rows of others in their places", arguments: ElementType.allCases)
    func failedBatches(_ element: ElementType) throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 3, element: element),
            options: .init(durability: .relaxed(interval: .seconds(3_600)))
        )
        try store.put([1, 2, 3], for: 1)
        expectError(.duplicateID) {
            try store.write { batch in
                try batch.put([9, 9, 9], for: 2)
                try batch.put([8, 8, 8], for: 1)
            }
        }
        if element != .float32 { expectError(.invalidVector) { try store.put([7, 7, 1e6], for: 3) } }
        try store.put([4, 5, 6], for: 2)
        try store.flush()
        #expect(try store.vector(for: 1) == [1, 2, 3])
        #expect(try store.vector(for: 2) == [4, 5, 6])
        #expect(try store.verify().isSound)
    }

    @Test("a flipped bit is found, and the other rows are salvaged", arguments: ElementType.allCases)
    func rot(_ element: ElementType) throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 9, element: element)
        )
        try store.write { for id in Int64(0)..<10 { try $0.put((0..<9).map { Float(id * 10 + $0) }, for: id) } }
        let name = try store.info.dataFile
        try store.close()
        let stride = 9 * ElementFacts(element).bytes
        try edit(scratch.file(name)) { file in
            try file.seek(toOffset: UInt64(4_096 + 4 * stride + 3))
            let byte = try #require(try file.read(upToCount: 1)?.first)
            try file.seek(toOffset: UInt64(4_096 + 4 * stride + 3))
            try file.write(contentsOf: [byte ^ 0x10])
        }
        let opened = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try opened.verify().badChecksums == [4])
        try opened.close()
        let salvaged = try SalvagedStore(scratch)
        #expect(salvaged.report.element == element)
        #expect(
            salvaged.verified.map(\.vector)
                == [0, 1, 2, 3, 5, 6, 7, 8, 9].map { id in
                    (0..<9).map { Float(id * 10 + $0) }
                }
        )
        #expect(salvaged.setAside(.badChecksum).map(\.id) == [.integer(4)])
        // Without an index, the rows are those that the file holds.
        try remove(scratch.index)
        let rest = try SalvagedStore(scratch)
        #expect(rest.report.element == element && rest.report.dimension == 9)
        #expect(rest.unverified.count == 10 && rest.unverified[9].vector == (0..<9).map { Float(90 + $0) })
    }

    @Test("a header of another element is refused", arguments: ElementType.allCases)
    func headers(_ element: ElementType) throws {
        let header = DataFileHeader(store: [UInt8](repeating: 7, count: 16), generation: 3, dimension: 9, element)
        #expect(try DataFileHeader(decoding: header.encoded()) == header)
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 9, element: element)
        )
        let record = try store.read { $0.snapshot.record }
        try store.close()
        for other in ElementType.allCases where other != element {
            let header = DataFileHeader(store: record.uuidBytes, generation: 1, dimension: 9, other)
            try edit(scratch.file(record.dataFile)) { try $0.write(contentsOf: header.encoded()) }
            expectError(.damaged) { try VectorStore<Int64>.open(at: scratch.store) }
        }
    }

    @Test("files of every element have a generation, and nothing else has")
    func names() {
        #expect(
            ElementType.allCases.allSatisfy { element in
                StorePaths.generation(ofDataFile: StorePaths.dataFileName(generation: 12, element)) == 12
            }
        )
        for name in [
            "vectors-1", "vectors-1.", "vectors-1.f64", "vectors-01.f16", "vectors-+1.i8", "vectors-.i8",
            "vectors-0.f32",
            "vectors-1.f32.f16", "vectors-1i8", "vectors-", ".f32", "Vectors-1.i8",
        ] { #expect(StorePaths.generation(ofDataFile: name) == nil, "\(name)") }
    }
}
