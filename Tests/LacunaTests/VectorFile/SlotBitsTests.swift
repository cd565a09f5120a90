import TestSupport
import Testing

@testable import Lacuna

/// Compares the set of slots with a set of numbers.
@Suite struct SlotBitsTests {
    private static let slots = 5 * SlotBits.chunkSlots

    private static func numbers(_ bits: SlotBits, in range: Range<Int> = 0..<slots) -> [Int] {
        var numbers: [Int] = []
        bits.forEachStretch(in: Slot(range.lowerBound)..<Slot(range.upperBound)) { numbers += $0.map(\.number) }
        return numbers
    }

    private static func random(_ generator: inout SplitMix64) -> (SlotBits, Set<Int>) {
        var bits = SlotBits()
        var model: Set<Int> = []
        for _ in 0..<60 {
            let first = Int.random(in: 0..<slots, using: &generator)
            let count = [0, 1, 2, 64, 65, 1_000, 40_000].randomElement(using: &generator) ?? 0
            let range = first..<min(slots, first + count)
            if count < 3 {
                for slot in range { bits.insert(Slot(slot)) }
            } else {
                bits.insert(Slot(range.lowerBound)..<Slot(range.upperBound))
            }
            model.formUnion(range)
            let gone = Int.random(in: 0..<slots, using: &generator)
            bits.remove(Slot(gone))
            model.remove(gone)
            bits.checkInvariants()
        }
        return (bits, model)
    }

    @Test(arguments: [UInt64(1), 2, 3]) func itIsASet(_ seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let (bits, model) = Self.random(&generator)
        #expect(bits.count == model.count)
        #expect(Self.numbers(bits) == model.sorted())
        for _ in 0..<20 {
            let ends = (0..<2).map { _ in Int.random(in: 0...Self.slots, using: &generator) }.sorted()
            let range = ends[0]..<ends[1]
            #expect(Self.numbers(bits, in: range) == model.filter(range.contains).sorted())
            var live: [Int] = []
            var last: Slot?
            bits.forEachLiveStretch(in: Slot(range.lowerBound)..<Slot(range.upperBound)) { run in
                if let last { #expect(last < run.lowerBound, "runs are as long as they can be") }
                last = run.upperBound
                live += run.map(\.number)
            }
            #expect(live == range.filter { !model.contains($0) })
        }
    }

    @Test(arguments: [UInt64(4), 5]) func itIsComparedCutAndJoined(_ seed: UInt64) {
        var generator = SplitMix64(seed: seed)
        let (left, leftModel) = Self.random(&generator)
        let (right, rightModel) = Self.random(&generator)
        var both = left
        both.formUnion(right)
        both.checkInvariants()
        #expect(Self.numbers(both) == leftModel.union(rightModel).sorted())
        #expect(both.slots(since: left).map(\.number) == rightModel.subtracting(leftModel).sorted())
        var rest = left
        rest.subtract(right)
        rest.checkInvariants()
        #expect(Self.numbers(rest) == leftModel.subtracting(rightModel).sorted())
        #expect(rest.count == leftModel.subtracting(rightModel).count)
        for end in [0, 1, 63, 64, SlotBits.chunkSlots - 1, SlotBits.chunkSlots, 3 * SlotBits.chunkSlots + 70] {
            var cut = left
            cut.cut(at: Slot(end))
            cut.checkInvariants()
            #expect(Self.numbers(cut) == leftModel.filter { $0 < end }.sorted())
            #expect(cut.count == leftModel.count { $0 < end })
        }
    }

    @Test func chunksGoThroughTheirBytes() {
        var generator = SplitMix64(seed: 6)
        let (bits, model) = Self.random(&generator)
        var copy = SlotBits()
        for number in bits.numbers {
            let bytes = bits.bytes(of: number) ?? []
            let isChunk = unsafe bytes.withUnsafeBytes { unsafe copy.setChunk(number, $0) }
            #expect(isChunk)
            // As docs/format.md draws it.
            let base = number * SlotBits.chunkSlots
            for slot in stride(from: 0, to: SlotBits.chunkSlots, by: 7) {
                #expect(bytes[slot / 8] >> (slot % 8) & 1 == (model.contains(base + slot) ? 1 : 0))
            }
        }
        #expect(copy == bits)
        let short = [UInt8](repeating: 0, count: SlotBits.chunkBytes - 1)
        let isChunk = unsafe short.withUnsafeBytes { unsafe copy.setChunk(0, $0) }
        #expect(!isChunk)
    }
}
