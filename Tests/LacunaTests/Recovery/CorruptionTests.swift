// The bug story: every other store had a byte that nobody had thought of. A flipped byte became a wrong vector, a
// missing file became an empty store, and a damaged length crashed the process.

import TestSupport
import Testing

@testable import Lacuna

/// The test damages every byte of each header and a seeded sample of the rest of every file. It flips and zeroes bytes;
/// it cuts short, duplicates, swaps and deletes files.
///
/// A store that opens must either be reported as damaged by `verify`, or hold exactly its rows; after damage to the
/// log, its rows after some commit. Every row that is returned with its checksum checked was put.
@Suite(.timeLimit(.minutes(40))) struct CorruptionTests {
    private static let files = [
        KilledStore.dataName, KilledStore.indexName, KilledStore.logName, KilledStore.lockName,
    ]

    /// One harm to one file.
    private struct Harm {
        let file: String
        let what: String
        /// The file's bytes afterwards; nil if it is gone.
        let bytes: [UInt8]?
    }

    /// A killed or closed store and another one of the same kind, with all rows that each ever had.
    private final class Subject {
        let store: KilledStore
        let other: KilledStore
        let directory: String
        var random: SplitMix64
        var counts: [String: Int] = [:]
        var refused = 0
        var whole = 0

        init(_ store: KilledStore, _ other: KilledStore, _ directory: String, seed: UInt64) {
            self.store = store
            self.other = other
            self.directory = directory
            random = SplitMix64(seed: seed)
        }

        private var lastState: CrashModel { store.states[store.states.count - 1] }

        func apply(_ harm: Harm, everything: Bool = true) {
            counts["\(harm.file.split(separator: ".").last ?? "") \(harm.what)", default: 0] += 1
            let harmed = store.with(harm.file, harm.bytes)
            let allowed = harm.file == KilledStore.logName ? store.states : [lastState]
            do {
                for access in everything ? [VectorStoreAccess.readOnly, .readWrite] : [.readOnly] {
                    try harmed.write(to: directory)
                    use(access, allowed, "\(harm.file), \(harm.what)", everything: everything)
                }
                if everything {
                    try harmed.write(to: directory)
                    worksOrRefuses(harm.what) { _ = try VectorStoreInfo.read(at: self.directory) }
                    worksOrRefuses(harm.what) { _ = try VectorStoreRecovery.recover(at: self.directory, dryRun: true) }
                    worksOrRefuses(harm.what) { _ = try VectorStoreRecovery.recover(at: self.directory) }
                }
            } catch { Issue.record("\(harm.file), \(harm.what): \(error)") }
        }

        private func use(_ access: VectorStoreAccess, _ allowed: [CrashModel], _ what: String, everything: Bool) {
            worksOrRefuses(what) {
                let store: VectorStore<Int64>
                do { store = try VectorStore<Int64>.open(at: self.directory, access: access) } catch {
                    self.refused += 1
                    throw error
                }
                let isSound = self.read(store, allowed, what)
                if everything { self.useReads(store, what) }
                if everything && access == .readWrite {
                    worksOrRefuses(what) {
                        try store.compact(.rewrite)
                        // The damage is still there; none of it has become a row.
                        if isSound {
                            _ = self.read(store, allowed, "\(what), compacted")
                        } else {
                            self.checkRows(store, what)
                        }
                    }
                    worksOrRefuses(what) {
                        try store.put([8, 7, 6, 5, 4, 3, 2, 1], for: -1, metadataJSON: "{}", replacing: true)
                        try store.delete([-1, 1, 11])
                        try store.setMetadataJSON("{}", for: 2)
                        try store.compact(.punch)
                    }
                }
                worksOrRefuses(what) { try store.close() }
            }
        }

        /// Returns whether the store is sound; if it is, it must hold its rows.
        private func read(_ store: VectorStore<Int64>, _ allowed: [CrashModel], _ what: String) -> Bool {
            var isSound = false
            worksOrRefuses(what) {
                guard try store.verify().isSound else { return self.checkRows(store, what) }
                isSound = true
                self.whole += 1
                let found: CrashModel
                do { found = try CrashModel(of: store) } catch {
                    Issue.record("\(what): verified, and then \(error)")
                    return
                }
                if !allowed.contains(found) {
                    Issue.record("\(what): \(found.difference(from: self.lastState)), and nobody knows")
                }
            }
            return isSound
        }

        /// Checks that each row that is read with its checksum was put under its id.
        private func checkRows(_ store: VectorStore<Int64>, _ what: String) {
            worksOrRefuses(what) {
                try store.forEach { row in
                    let bits = row.vector.map(\.bitPattern)
                    if !self.store.states.contains(where: { $0.rows[row.id]?.bits == bits }) {
                        Issue.record("\(what): the row \(row.id) was never put")
                    }
                }
            }
        }

        private func useReads(_ store: VectorStore<Int64>, _ what: String) {
            worksOrRefuses(what) { _ = try store.ids() }
            worksOrRefuses(what) { _ = try store.space }
            worksOrRefuses(what) { _ = try store.compactionPlan() }
            let query: [Float] = [1, 2, 3, 4, 5, 6, 7, 8]
            worksOrRefuses(what) { _ = try store.search(for: query, limit: 10) }
            worksOrRefuses(what) {
                _ = try store.search(for: query, limit: 10, where: "metadata ->> 'version' > \(10)")
            }
            for id in [Int64(1), 2, 77, 150] {
                worksOrRefuses(what) { _ = try store.vector(for: id) }
                worksOrRefuses(what) { _ = try store.metadataJSON(for: id) }
            }
        }

        // MARK: Harms

        func bytes(_ file: String) -> [UInt8] { store.files[file] ?? [] }

        func flip(_ file: String, _ place: Int, everything: Bool) {
            var bytes = bytes(file)
            bytes[place] ^= UInt8.random(in: 1...255, using: &random)
            apply(Harm(file: file, what: "flipped", bytes: bytes), everything: everything)
        }

        /// Makes harms at places below `end`, which is the end of the file's content.
        func sample(_ file: String, below end: Int, rounds: Int) {
            let pristine = bytes(file)
            for round in 0..<rounds {
                var bytes = pristine
                let count = min([512, 4_096, 24, 4_120].randomElement(using: &random) ?? 512, end)
                let place = Int.random(in: 0...end - count, using: &random)
                let what: String
                switch round % 8 {
                case 0:
                    what = "flipped"
                    bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1:
                    what = "flipped in many places"
                    for _ in 0..<100 {
                        bytes[Int.random(in: 0..<end, using: &random)] = .random(in: 0...255, using: &random)
                    }
                case 2:
                    what = "zeroed"
                    bytes.replaceSubrange(place..<place + count, with: [UInt8](repeating: 0, count: count))
                case 3:
                    what = "cut short"
                    bytes.removeLast(bytes.count - place)
                case 4:
                    what = "duplicated"
                    let from = Int.random(in: 0...end - count, using: &random)
                    bytes.replaceSubrange(place..<place + count, with: pristine[from..<from + count])
                case 5:
                    what = "overwritten"
                    for byte in place..<place + count { bytes[byte] = .random(in: 0...255, using: &random) }
                case 6:
                    // These bytes hold a page's kind, its free blocks and the places of its cells, or a frame's header.
                    what = "flipped at a head"
                    let block = place / 4_096 * 4_096
                    for _ in 0..<3 {
                        bytes[Int.random(in: block..<min(block + 40, end), using: &random)] ^= .random(
                            in: 1...255,
                            using: &random
                        )
                    }
                default:
                    what = "swapped in part"
                    let others = other.files[file] ?? []
                    let part = others.dropFirst(place).prefix(count)
                    bytes.replaceSubrange(place..<place + part.count, with: part)
                }
                apply(Harm(file: file, what: what, bytes: bytes))
            }
        }

        func swapAndDelete(_ file: String) {
            apply(Harm(file: file, what: "deleted", bytes: nil))
            apply(Harm(file: file, what: "emptied", bytes: []))
            apply(Harm(file: file, what: "swapped", bytes: other.files[file]))
        }
    }

    @Test func everyKindOfRot() throws {
        let rows = 200
        let killed = try KilledStore.make(commits: 30, rows: rows)
        let other = try KilledStore.make(commits: 30, rows: rows, firstID: 5_001)
        var counts: [String: Int] = [:]
        var (refused, whole) = (0, 0)
        try TestFiles.withDirectory { parent in
            let stores = [(killed, other, UInt64(1)), (try killed.closed(), try other.closed(), UInt64(2))]
            for (store, other, seed) in stores {
                let subject = Subject(store, other, parent + "/store", seed: seed)
                // The header is harmed in the same way in both stores.
                let header = store.log.isEmpty ? 0..<0 : 0..<4_096
                for place in header { subject.flip(KilledStore.dataName, place, everything: false) }
                for place in 0..<100 { subject.flip(KilledStore.indexName, place, everything: true) }
                for place in 0..<CommitMark.length { subject.flip(KilledStore.lockName, place, everything: false) }
                for place in 0..<min(32, store.log.count) {
                    subject.flip(KilledStore.logName, place, everything: true)
                }
                for file in Self.files where store.files[file] != nil {
                    let size = subject.bytes(file).count
                    // Most of the data file is its tail.
                    let end = file == KilledStore.dataName ? 4_096 + (rows + 50) * 32 : size
                    subject.sample(file, below: end, rounds: file == KilledStore.lockName ? 32 : 160)
                    subject.swapAndDelete(file)
                }
                counts.merge(subject.counts, uniquingKeysWith: +)
                refused += subject.refused
                whole += subject.whole
            }
        }
        let total = counts.values.reduce(0, +)
        let kinds = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
        print("corruptions tried: \(total) (\(kinds); opens refused \(refused), found whole \(whole))")
        // Otherwise most harms would have had no effect.
        #expect(total > 4_800 && refused > total / 2 && whole > total / 20)
    }
}
