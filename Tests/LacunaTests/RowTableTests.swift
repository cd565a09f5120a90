import Foundation
import Testing

@testable import Lacuna

/// The table in memory, against a dictionary.
@Suite struct RowTableTests {
    /// Neighbouring integers and random ones, both ends of the range among them; as many rows as make parts grow and shrink.
    @Test(arguments: [UInt64(1), 2, 3]) func itIsADictionary(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let ids: [Int64] =
            (0..<3_000).map { $0 } + (0..<3_000).map { _ in .random(in: .min ... .max, using: &random) } + [.min, .max]
        let table = RowTable(rows: 0)
        var model: [Int64: Int] = [:]
        for round in 0..<6 {
            for _ in 0..<8_000 {
                let id = ids[Int.random(in: 0..<ids.count, using: &random)]
                // Mostly puts in even rounds, mostly deletes in odd ones.
                let slot =
                    Int.random(in: 0..<8, using: &random) < (round % 2 == 0 ? 7 : 1) ? Int(random.next() >> 40) : nil
                table.set(RowKey(id), slot)
                model[id] = slot
            }
            #expect(table.count == model.count)
            #expect(ids.allSatisfy { table.slot(RowKey($0)) == model[$0] })
            #expect(table.slotsEnd == (model.values.max() ?? -1) + 1)
        }
    }

    @Test func aUUIDAndItsTextHaveOneKey() throws {
        for _ in 0..<100 {
            let uuid = UUID()
            #expect(RowKey(uuid) == RowKey(.text(uuid.uuidString.lowercased()), .uuid))
            #expect(RowKey(.text(uuid.uuidString), .uuid) == nil || uuid.uuidString == uuid.uuidString.lowercased())
        }
        for text in ["", "x", "0b0e7a4c-7e0d-4b0e-9d7c-3a1f0c2b4d5", "0b0e7a4c-7e0d-4b0e-9d7c_3a1f0c2b4d5e"] {
            #expect(RowKey(.text(text), .uuid) == nil)
        }
    }

    @Test func otherKindsHaveNoKey() {
        #expect(RowKey(.text("1"), .integer) == nil)
        #expect(RowKey(.integer(1), .text) == nil)
        #expect(RowKey(.null, .text) == nil)
        #expect(RowKey(.text("a"), .text) != RowKey(.text("A"), .text))
        #expect(RowKey(.text("é"), .text) != RowKey(.text("e\u{301}"), .text))
    }
}
