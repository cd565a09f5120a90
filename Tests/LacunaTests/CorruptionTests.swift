// The bug story: a file came back from a bad disk, or from a backup of another day. The program crashed on it; or opened
// it, and gave out another row's bytes; or compacted it, and from then on the damage had valid checksums.

import Synchronization
import Testing

@testable import Lacuna

/// Each file of a store harmed in every way: what comes of it is an error, or the store as it was.
@Suite struct CorruptionTests {
    /// What is harmed: a store that was closed, or one whose process was killed, with commits that only its log has.
    struct Subject: Sendable, CustomTestStringConvertible {
        let isKilled: Bool
        let file: String
        var testDescription: String { "\(file) of a store that was \(isKilled ? "killed" : "closed")" }

        static let all =
            [KilledStore.indexName, KilledStore.dataName, KilledStore.lockName, KilledStore.logName].map {
                Subject(isKilled: true, file: $0)
            }
            + [KilledStore.indexName, KilledStore.dataName, KilledStore.lockName].map {
                Subject(isKilled: false, file: $0)
            }

        /// Bytes that are harmed one by one.
        var headerBytes: Int {
            switch file {
            case KilledStore.indexName: 100
            case KilledStore.dataName: Int(DataFileHeader.length)
            case KilledStore.lockName: CommitMark.length
            default: 32
            }
        }
    }

    private static let tried = Atomic(0)
    private static let stores = Result {
        (killed: try KilledStore.make(commits: 24), other: try KilledStore.make(commits: 24, firstID: 5_000))
    }

    @Test(arguments: Subject.all) func everyHarmIsAnErrorOrNone(_ subject: Subject) throws {
        let (killed, otherKilled) = try Self.stores.get()
        let store = subject.isKilled ? killed : try killed.closed()
        let other = subject.isKilled ? otherKilled : try otherKilled.closed()
        let bytes = try #require(store.files[subject.file])
        var random = SplitMix64(seed: UInt64(bytes.count))
        var harms: [(String, [UInt8]?)] = [
            ("deleted", nil), ("empty", []), ("another store's", other.files[subject.file]),
        ]
        for place in 0..<min(subject.headerBytes, bytes.count) {
            harms.append(("byte \(place) flipped", flipped(bytes, place, &random)))
        }
        // What follows the header, as far as there is anything in it.
        let end = (bytes.lastIndex { $0 != 0 } ?? 0) + 1
        if end > subject.headerBytes {
            for _ in 0..<120 { harms.append(harm(bytes, subject.headerBytes..<end, &random)) }
        }
        let checker = Checker(store, mayLoseCommits: subject.file == KilledStore.logName)
        for (what, harmed) in harms {
            do { try checker.check(store.with(subject.file, harmed)) } catch {
                Issue.record("\(subject.testDescription), \(what): \(error)")
            }
        }
        let tried = Self.tried.add(harms.count, ordering: .relaxed).newValue
        print("corruptions, \(subject.testDescription): \(harms.count) tried (\(tried) so far)")
    }

    private func flipped(_ bytes: [UInt8], _ place: Int, _ random: inout SplitMix64) -> [UInt8] {
        var bytes = bytes
        bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        return bytes
    }

    private func harm(_ bytes: [UInt8], _ range: Range<Int>, _ random: inout SplitMix64) -> (String, [UInt8]) {
        let place = Int.random(in: range, using: &random)
        let length = [1, 16, 512, 4_096].randomElement(using: &random) ?? 1
        let end = min(bytes.count, place + length)
        var harmed = bytes
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1: return ("byte \(place) flipped", flipped(bytes, place, &random))
        case 2:
            harmed.replaceSubrange(place..<end, with: repeatElement(0, count: end - place))
            return ("bytes \(place)..<\(end) zeroed", harmed)
        case 3: return ("cut to \(place) bytes", Array(bytes[..<place]))
        default:
            let from = Int.random(in: range, using: &random) / length * length
            let to = place / length * length
            let count = min(length, bytes.count - max(from, to))
            harmed.replaceSubrange(to..<to + count, with: bytes[from..<from + count])
            return ("bytes \(from)..<\(from + count) over those at \(to)", harmed)
        }
    }
}

/// What may come of a store that was harmed.
private struct Checker {
    /// The states that a store without damage may have: the last one, or any before it where only the log was harmed.
    private let allowed: [CrashModel]
    /// All that was ever put under an id.
    private var versions: [Int64: [CrashModel.Row]] = [:]

    init(_ store: KilledStore, mayLoseCommits: Bool) {
        allowed = mayLoseCommits ? store.states : [store.states[store.states.count - 1]]
        for state in store.states {
            for (id, row) in state.rows { versions[id, default: []].append(row) }
        }
    }

    private struct Wrong: Error, CustomStringConvertible { let description: String }

    func check(_ store: KilledStore) throws {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            try store.write(to: path)
            try orError { _ = try VectorStoreRecovery.run(at: path, dryRun: true) }
            try use(path, .readOnly) { _ in }
            try store.write(to: path)
            try use(path, .readWrite) { store in
                try orError { try store.put([Float](repeating: 1, count: KilledStore.dimension), for: 77_777) }
                try orError { try store.delete([77_777]) }
                for strategy in CompactionStrategy.allCases { try orError { try store.compact(strategy) } }
                try checkRows(store)
            }
        }
    }

    private func use(_ path: String, _ access: VectorStoreAccess, _ body: (VectorStore<Int64>) throws -> Void) throws {
        try orError {
            let store = try VectorStore<Int64>.open(at: path, access)
            try checkWhole(store)
            try body(store)
            try store.close()
        }
    }

    /// An error of ours is an answer; whatever else is thrown isn't.
    private func orError(_ body: () throws -> Void) throws {
        do { try body() } catch let error as VectorStoreError {
            if error.message.isEmpty { throw Wrong(description: "an error without a word") }
        }
    }

    /// Where nothing is said to be damaged, nothing is missing, changed or invented.
    private func checkWhole(_ store: VectorStore<Int64>) throws {
        try checkRows(store)
        var isSound = false
        try orError { isSound = try store.verify().isSound }
        if !isSound { return }
        let found = try CrashModel(of: store)
        guard allowed.contains(found) else {
            let last = allowed[allowed.count - 1]
            throw Wrong(description: "verify found nothing, but \(found.difference(from: last))")
        }
    }

    /// Every row that is given out as checked is one that was put under its id.
    private func checkRows(_ store: VectorStore<Int64>) throws {
        var wrong: [Int64] = []
        try orError {
            try store.forEach { row in
                let bits = row.vector.map(\.bitPattern)
                let isKnown = versions[row.id]?.contains { $0.bits == bits } ?? (row.id == 77_777)
                if !isKnown { wrong.append(row.id) }
            }
        }
        if !wrong.isEmpty { throw Wrong(description: "the rows \(wrong) were never put") }
    }
}
