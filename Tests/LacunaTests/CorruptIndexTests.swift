import Foundation
import Lacuna
import Testing

/// Flipped and missing bytes in every part of `index.sqlite`: each call works, or says what is wrong. None traps, and none
/// goes on for ever.
@Suite(.timeLimit(.minutes(10))) struct CorruptIndexTests {
    @Test(arguments: [UInt64(1), 2, 3, 4]) func everyCallSurvivesACorruptIndex(_ seed: UInt64) throws {
        let scratch = try Scratch()
        let pristine = try makeStore(scratch)
        let data = try read(scratch.file("vectors-1.f32"))
        var random = SplitMix64(seed: seed)
        var opened = 0
        for round in 0..<70 {
            try reset(scratch, data)
            try write(mutate(pristine, &random), to: scratch.index)
            opened += useEverything(scratch.store, "seed \(seed), round \(round)")
        }
        // Most mutations hit a row or unused space: if hardly any store opened, nothing was tested.
        #expect(opened > 5)
    }

    /// 300 rows, some dead, with metadata: enough for a tree of several pages in each table.
    private func makeStore(_ scratch: Scratch) throws -> Data {
        let store = try VectorStore<String>.create(at: scratch.store, .init(dimension: 8))
        var random = SplitMix64(seed: 77)
        try store.write { batch in
            for row in 0..<300 {
                try batch.put(
                    random.floats(8),
                    for: "row \(row)",
                    metadataJSON: #"{"n":\#(row),"text":"some text to fill pages"}"#
                )
            }
        }
        try store.delete((0..<40).map { "row \($0 * 3)" })
        try store.close()
        return try read(scratch.index)
    }

    private func reset(_ scratch: Scratch, _ data: Data) throws {
        // The lock too: its mark would know that the index is an older one.
        for name in try scratch.names() { try remove(scratch.file(name)) }
        try write(data, to: scratch.file("vectors-1.f32"))
    }

    private func mutate(_ pristine: Data, _ random: inout SplitMix64) -> Data {
        var bytes = pristine
        func flip(in range: Range<Int>) {
            let place = Int.random(in: range, using: &random)
            bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
        switch Int.random(in: 0..<8, using: &random) {
        case 0: flip(in: 0..<100)
        case 1: return bytes.prefix(Int.random(in: 0..<bytes.count, using: &random))
        case 2:
            let page = Int.random(in: 0..<bytes.count / 4_096, using: &random)
            bytes.replaceSubrange(page * 4_096..<(page + 1) * 4_096, with: random.bytes(4_096))
        case 3:
            // The head of a page: its kind, its free blocks, its cells' places.
            let page = Int.random(in: 0..<bytes.count / 4_096, using: &random) * 4_096
            for _ in 0..<3 { flip(in: page..<page + 40) }
        case 4:
            let pages = bytes.count / 4_096
            let from = Int.random(in: 0..<pages, using: &random) * 4_096
            let to = Int.random(in: 0..<pages, using: &random) * 4_096
            bytes.replaceSubrange(to..<to + 4_096, with: Data(bytes[from..<from + 4_096]))
        default: for _ in 0..<Int.random(in: 1...200, using: &random) { flip(in: 100..<bytes.count) }
        }
        return bytes
    }

    /// The number of handles that opened.
    private func useEverything(_ path: String, _ what: String) -> Int {
        var opened = 0
        worksOrRefuses(what) { _ = try VectorStoreInfo.read(at: path) }
        worksOrRefuses(what) { _ = try VectorStoreRecovery.run(at: path, dryRun: true) }
        for access in [VectorStoreAccess.readOnly, .readWrite] {
            worksOrRefuses(what) {
                let store = try VectorStore<String>.open(at: path, access)
                opened += 1
                useReads(store, what)
                if access == .readWrite { useWrites(store, what) }
                worksOrRefuses(what) { try store.close() }
            }
        }
        return opened
    }

    private func useReads(_ store: VectorStore<String>, _ what: String) {
        worksOrRefuses(what) { _ = try store.verify() }
        worksOrRefuses(what) { _ = try store.ids() }
        worksOrRefuses(what) { _ = try store.count }
        worksOrRefuses(what) { _ = try store.space }
        worksOrRefuses(what) { _ = try store.compactionPlan() }
        worksOrRefuses(what) { try store.forEach { _ in } }
        let query: [Float] = [1, 2, 3, 4, 5, 6, 7, 8]
        worksOrRefuses(what) { _ = try store.search(for: query, limit: 10) }
        worksOrRefuses(what) { _ = try store.search(for: query, limit: 10, where: "metadata ->> 'n' > ?", [100]) }
        for row in stride(from: 0, to: 300, by: 29) {
            worksOrRefuses(what) { _ = try store.vector(for: "row \(row)") }
            worksOrRefuses(what) { _ = try store.metadataJSON(for: "row \(row)") }
        }
    }

    private func useWrites(_ store: VectorStore<String>, _ what: String) {
        worksOrRefuses(what) {
            try store.put([8, 7, 6, 5, 4, 3, 2, 1], for: "new", metadataJSON: "{}", replacing: true)
        }
        worksOrRefuses(what) { _ = try store.delete((50..<60).map { "row \($0)" }) }
        worksOrRefuses(what) { try store.setMetadataJSON("{}", for: "row 100") }
        worksOrRefuses(what) { try store.punchHoles() }
        worksOrRefuses(what) { try store.compact(.rewrite) }
    }
}
