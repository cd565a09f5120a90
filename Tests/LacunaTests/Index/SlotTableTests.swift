import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// Compares the table in memory with a dictionary.
@Suite struct SlotTableTests {
    /// The ids are neighbouring integers and random ones, with both ends of the range; there are enough rows to make
    /// parts grow and shrink. As in a store, a slot is given to one id only.
    @Test(arguments: [UInt64(1), 2, 3], VectorIDKind.allCases) func itIsADictionary(
        _ seed: UInt64,
        _ kind: VectorIDKind
    ) {
        var random = SplitMix64(seed: seed)
        let ids: [Int64] =
            (0..<3_000).map { $0 } + (0..<3_000).map { _ in .random(in: .min ... .max, using: &random) } + [.min, .max]
        func key(_ id: Int64) -> RowKey {
            kind == .integer ? RowKey(id) : RowKey(high: UInt64(bitPattern: id / 7), low: UInt64(bitPattern: id))
        }
        let table = SlotTable(rows: 0, kind)
        var model: [Int64: Int] = [:]
        var keys: [Int: Int64] = [:]
        var next = 0
        for round in 0..<6 {
            for _ in 0..<8_000 {
                let id = ids[Int.random(in: 0..<ids.count, using: &random)]
                // Mostly puts in even rounds, mostly deletes in odd ones.
                if Int.random(in: 0..<8, using: &random) < (round % 2 == 0 ? 7 : 1) {
                    next += Int.random(in: 1..<4, using: &random)
                    table.put(key(id), next)
                    model[id] = next
                    keys[next] = id
                } else {
                    table.remove(key(id))
                    model[id] = nil
                }
            }
            table.checkInvariants()
            #expect(table.count == model.count)
            #expect(ids.allSatisfy { table.slot(key($0)) == model[$0] })
            #expect(keys.allSatisfy { table.key($0.key) == key($0.value) })
            #expect((0..<next + 5).allSatisfy { keys[$0] != nil || table.key($0) == nil })
            #expect(table.key(next + 1_000_000) == nil)
        }
    }

    /// Each third row is dead, and half of these had died before they were copied; the copied rows lie far apart too, so
    /// that chunks between them are empty.
    @Test(arguments: VectorIDKind.allCases) func rowsMoveToTheRanksOfTheirSlots(_ kind: VectorIDKind) {
        func key(_ row: Int) -> RowKey { RowKey(high: UInt64(row), low: kind == .integer ? 0 : 7) }
        let slots = Array(0..<5_000) + Array(20_000..<20_100)
        let table = SlotTable(rows: 0, kind)
        for slot in slots { table.put(key(slot), slot) }
        for slot in slots where slot % 3 == 0 { table.remove(key(slot)) }
        let copied = slots.filter { $0 % 3 != 0 || $0 % 2 == 0 }
        var bitmap = LiveBitmap(slots: Slot(1_000))
        for slot in copied {
            if Slot(slot) >= bitmap.slots { bitmap.extend(to: Slot(slot + 1)) }
            _ = bitmap.insert(Slot(slot))
        }
        bitmap.finish()
        let isMoved = table.move(bitmap)
        #expect(isMoved)
        table.checkInvariants()
        #expect(copied.enumerated().allSatisfy { table.key($0) == key($1) })
        #expect(copied.enumerated().allSatisfy { table.slot(key($1)) == ($1 % 3 == 0 ? nil : $0) })
        #expect(table.key(copied.count) == nil)
        #expect(table.count == slots.count { $0 % 3 != 0 })
    }

    @Test func aRowThatWasNotCopiedCannotMove() {
        for missing in [3, 99] {
            let table = SlotTable(rows: 0, .integer)
            for slot in 0..<100 { table.put(RowKey(Int64(slot)), slot) }
            var copied = LiveBitmap(slots: Slot(missing == 99 ? 99 : 100))
            for slot in 0..<copied.slots.number where slot != missing { _ = copied.insert(Slot(slot)) }
            copied.finish()
            let isMoved = table.move(copied)
            #expect(!isMoved)
        }
    }

    /// Checks the memory that docs/performance.md promises, at the number of rows where the hash table has just grown.
    @Test(arguments: [(VectorIDKind.integer, 15), (.uuid, 23), (.text, 23)])
    func aRowTakesSoManyBytes(_ kind: VectorIDKind, _ most: Int) {
        let table = SlotTable(rows: 0, kind)
        for row in 0..<300_000 {
            table.put(RowKey(high: UInt64(row), low: kind == .integer ? 0 : 7), row)
            if row > 100_000 && row % 1_000 == 0 { #expect(table.bytes <= most * (row + 1)) }
        }
        #expect(SlotTable.bytes(slots: 300_000, rows: 300_000, kind) <= most * 300_000)
    }

    @Test(arguments: VectorIDKind.allCases) func aKeyTellsItsID(_ kind: VectorIDKind) throws {
        let ids: [SQLValue] =
            switch kind {
            case .integer: [.integer(.min), .integer(-1), .integer(7), .integer(.max)]
            case .text: ["", "a", "é"]
            case .uuid: (0..<5).map { _ in UUID().sqlValue }
            }
        for id in ids {
            let told = try #require(RowKey(id, kind)).id(kind)
            #expect(kind == .text ? told == Optional.none : told == id)
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
