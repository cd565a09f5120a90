import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// The index tells the id of each slot, whatever was put, moved and cut.
@Suite(.timeLimit(.minutes(40))) struct RunsTests {
    /// Ids of all lengths, from the empty one to ids that fill pages.
    private static func id(_ number: Int) -> String {
        if number == 0 { return "" }
        let long = [0, 1, 100, 127, 128, 2_000, 4_030, 4_048, 9_000][number % 9]
        return "\(number)é" + String(repeating: "x", count: long)
    }

    /// Checks that runs and the table of ids agree, that no run is too long, and that puts extend the last run.
    private static func check<ID: VectorID>(_ store: VectorStore<ID>, _ scratch: Scratch) throws {
        #expect(try store.verify().isSound)
        let lengths = try rawConnection(scratch.index).rows(2, "SELECT slots, length(rows) FROM runs")
        for run in lengths {
            guard case .integer(let slots) = run[0], case .integer(let bytes) = run[1] else { continue }
            #expect(slots == 1 || bytes <= RunCodec.byteLimit)
        }
    }

    @Test(arguments: [UInt64(1), 2]) func textsOfAllLengths(_ seed: UInt64) throws {
        let scratch = try Scratch()
        var random = SplitMix64(seed: seed)
        let store = try VectorStore<String>.create(
            at: scratch.store,
            configuration: .init(dimension: 2, metric: .euclidean)
        )
        var rows: [String: [Float]] = [:]
        for round in 0..<12 {
            try store.write { batch in
                for _ in 0..<40 {
                    let id = Self.id(Int.random(in: 0..<90, using: &random))
                    if Bool.random(using: &random) {
                        batch.delete(id)
                        rows[id] = nil
                    } else {
                        let row = [Float.random(in: 0..<9, using: &random), Float(round)]
                        try batch.put(row, for: id, replacing: true)
                        rows[id] = row
                    }
                }
            }
            if round % 4 == 1 { try store.compact(.inPlace) }
            if round % 4 == 3 { try store.compact(.rewrite) }
            try Self.check(store, scratch)
            for (id, row) in rows { #expect(try store.search(for: row, limit: 90).contains { $0.id == id }) }
        }
    }

    /// Compares the bytes with their description in docs/format.md.
    @Test func theBytesOfARun() throws {
        let scratch = try Scratch()
        let id = UUID()
        let store = try VectorStore<UUID>.create(at: scratch.store, configuration: .init(dimension: 1))
        try store.put([1.5], for: id)
        try store.put([2.5], for: UUID())
        try store.close()
        let index = StoreIndex(try rawConnection(scratch.index))
        let run = try #require(try index.lastRun(1, before: Slot(2)))
        #expect(run.first == Slot(0) && run.slots == 2 && run.bytes.count == 40)
        let uuid = unsafe withUnsafeBytes(of: id.uuid) { unsafe Array($0) }
        #expect(Array(run.bytes[..<16]) == uuid)
        var checksum = Checksum()
        let row: [Float] = [1.5]
        unsafe row.span.bytes.withUnsafeBytes { unsafe checksum.update($0) }
        checksum.update(id.uuidString.lowercased())
        let value = run.bytes[16..<20].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        #expect(value == checksum.value)
    }

    /// Hundreds of puts, each a commit of its own, take one page.
    @Test func singlePutsShareRuns() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        for id in Int64(0)..<400 { try store.put([Float(id)], for: id) }
        #expect(try rawConnection(scratch.index).value("SELECT count(*) FROM runs") == 2)
        try Self.check(store, scratch)
    }

    /// A blob that can't be a run's is damage, and no trap.
    @Test(arguments: ["x''", "x'00'", "zeroblob(119)", "zeroblob(121)", "zeroblob(5000)"])
    func aRottenRunIsDamage(_ rows: String) throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        try store.write { batch in for id in Int64(0)..<10 { try batch.put([Float(id)], for: id) } }
        try store.close()
        try tamper(scratch.index, "UPDATE runs SET rows = \(rows)")
        let again = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try again.delete(9))
        #expect(try again.vector(for: 7) == [7])
        // The table of ids is enough for these searches.
        #expect(try again.search(for: [7], limit: 1).map(\.id) == [7])
        #expect(try again.search(for: [7], limit: 1, where: "id <> 7").map(\.id) == [6])
        expectError(.damaged) { try again.compact(.rewrite) }
        #expect(try !again.verify().isSound)
    }

    /// A store can be searched without its runs, with and without a filter.
    @Test func lostRunsCostNoAnswer() throws {
        let scratch = try Scratch()
        let store = try VectorStore<String>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        try store.write { batch in for row in 0..<15_000 { try batch.put([Float(row)], for: "row \(row)") } }
        try store.close()
        try tamper(scratch.index, "DELETE FROM runs")
        let again = try VectorStore<String>.open(at: scratch.store, access: .readOnly)
        for limit in [2, 20_000, .max] {
            let all = try again.search(for: [7.25], limit: limit)
            #expect(all.prefix(2).map(\.id) == ["row 7", "row 8"] && all.count == min(limit, 15_000))
            let some = try again.search(for: [7.25], limit: limit, where: "id <> 'row 7'")
            #expect(some.prefix(2).map(\.id) == ["row 8", "row 6"] && some.count == min(limit, 14_999))
        }
    }
}
