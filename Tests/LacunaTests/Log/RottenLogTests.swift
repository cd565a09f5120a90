// The bug story: a bit flipped in the middle of the log that a killed process had left. SQLite took the frame for the end
// of the log, dropped the 52 commits behind it, and called the database sound; the store opened with half of its rows, and
// the close of that handle removed the log.

import Dispatch
import TestSupport
import Testing

@testable import Lacuna

@Suite(.timeLimit(.minutes(40))) struct RottenLogTests {
    private static let commits = 30

    /// Opens the store read-only and in one other way, which changes from call to call.
    private func check(
        _ store: KilledStore,
        _ turn: inout Int,
        in directory: String,
        _ what: String,
        _ isRight: (KilledStore.Outcome) -> Bool
    ) throws {
        let ways = KilledStore.Way.allCases
        turn += 1
        for way in Set([.readOnly, ways[1 + turn % (ways.count - 1)]]) {
            let outcome = try store.outcome(way, in: directory)
            #expect(isRight(outcome), "\(what), \(way): \(String("\(outcome)".prefix(200)))")
        }
    }

    enum Place: CaseIterable, Sendable {
        case pageNumber, databaseSize, salts, checksum, page

        /// The bytes of the frame; the test changes one of them.
        var bytes: Range<Int> {
            switch self {
            case .pageNumber: 0..<4
            case .databaseSize: 4..<8
            case .salts: 8..<16
            case .checksum: 16..<24
            case .page: 24..<24 + 4_096
            }
        }
    }

    /// Flips one bit of every frame. A frame behind which only one commit ends may belong to a torn transaction: then
    /// exactly the commits before it are there.
    @Test(arguments: Place.allCases) func aFlippedBit(_ place: Place) throws {
        let store = try KilledStore.make(commits: Self.commits)
        let layout = LogLayout(store.log)
        try #require(layout.commits.count == Self.commits)
        var random = SplitMix64(seed: 11)
        var turn = 0
        var damaged = 0
        try TestFiles.withDirectory { parent in
            for frame in 1...layout.frames {
                var log = store.log
                let byte = layout.offset(frame) + Int.random(in: place.bytes, using: &random)
                log[byte] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                // The next frame's checksum follows from this one's.
                let behind = layout.commits(after: place == .checksum ? frame + 1 : frame)
                let left = layout.commits(before: frame)
                let isDamage = behind >= 2 || left == 0
                damaged += isDamage ? 1 : 0
                try check(store.with(KilledStore.logName, log), &turn, in: parent + "/store", "frame \(frame)") {
                    switch $0 {
                    case .damaged: isDamage
                    case .opened(let model): !isDamage && (model == nil || model == store.states[left])
                    }
                }
            }
        }
        #expect(damaged > layout.frames / 2 && damaged < layout.frames)
    }

    @Test(arguments: [UInt8(0x01), 0x80, 0xff]) func aChangedHeader(_ mask: UInt8) throws {
        let store = try KilledStore.make(commits: 3)
        var turn = 0
        try TestFiles.withDirectory { parent in
            for byte in 0..<32 {
                var log = store.log
                log[byte] ^= mask
                try check(store.with(KilledStore.logName, log), &turn, in: parent + "/store", "byte \(byte)") {
                    $0 == .damaged
                }
            }
        }
    }

    /// A stretch of the log reads as zeros, as a lost block does.
    @Test(arguments: [4_096, 65_536]) func zeros(_ count: Int) throws {
        let store = try KilledStore.make(commits: Self.commits)
        let layout = LogLayout(store.log)
        var random = SplitMix64(seed: 12)
        var turn = 0
        var damaged = 0
        try TestFiles.withDirectory { parent in
            for round in 0..<40 {
                let begin = round == 0 ? 0 : Int.random(in: 0..<store.log.count - count, using: &random)
                var log = store.log
                log.replaceSubrange(begin..<begin + count, with: [UInt8](repeating: 0, count: count))
                let hit = (1...layout.frames).filter { frame in
                    let bytes = layout.offset(frame)..<layout.offset(frame) + layout.frameBytes
                    return log[bytes] != store.log[bytes]
                }
                guard let first = hit.first, let last = hit.last else { continue }
                let left = layout.commits(before: first)
                let isDamage = begin < 32 || layout.commits(after: last + 1) >= 2 || left == 0
                damaged += isDamage ? 1 : 0
                try check(store.with(KilledStore.logName, log), &turn, in: parent + "/store", "zeros from \(begin)") {
                    switch $0 {
                    case .damaged: isDamage || layout.commits(after: last) >= 2
                    case .opened(let model): !isDamage && (model == nil || model == store.states[left])
                    }
                }
            }
        }
        #expect(damaged > 10)
    }

    // MARK: Logs that must not look damaged

    /// The power is cut in the last transaction's sync: each of its sectors may be there or not. Before it there was
    /// nothing, or an older log.
    @Test(arguments: [false, true]) func aTornTransaction(_ isOverAnOlderLog: Bool) throws {
        let store = try KilledStore.make(commits: 11, lastRows: 300)
        let older = try KilledStore.make(commits: 60, firstID: 1_001)
        let layout = LogLayout(store.log)
        let begin = layout.offset(layout.commits[layout.commits.count - 2] + 1)
        try #require(older.log.count > store.log.count && layout.frames - layout.commits[9] > 10)
        var random = SplitMix64(seed: 3)
        var turn = 0
        try TestFiles.withDirectory { parent in
            for round in 0..<60 {
                var log = store.log
                let share = Double.random(in: 0..<1, using: &random)
                for place in begin..<log.count where place == begin || place % 512 == 0 {
                    if Double.random(in: 0..<1, using: &random) < share { continue }
                    let end = min(log.count, (place / 512 + 1) * 512)
                    let old = isOverAnOlderLog ? older.log[place..<end] : .init(repeating: 0, count: end - place)
                    log.replaceSubrange(place..<end, with: old)
                }
                if isOverAnOlderLog { log += older.log[log.count...] }
                try check(store.with(KilledStore.logName, log), &turn, in: parent + "/store", "round \(round)") {
                    switch $0 {
                    case .damaged: false
                    case .opened(let model): model == nil || store.states.suffix(2).contains { $0 == model }
                    }
                }
            }
        }
    }

    /// A transaction's sync failed, and a shorter transaction has overwritten part of it; over the rest, another one
    /// was torn. Each leaves a commit behind the bad frame, but these commits don't follow one another.
    @Test func remainsOfSeveralTransactions() throws {
        let store = try KilledStore.make(commits: 11, lastRows: 300)
        let layout = LogLayout(store.log)
        let last = layout.commits[9]
        let page = layout.offset(last)..<layout.offset(last) + layout.frameBytes
        var log = store.log
        /// Writes a frame that changes nothing: the page of the frame before it once more.
        func put(_ frame: Int, isCommit: Bool) {
            log.replaceSubrange(layout.offset(frame)..<layout.offset(frame) + layout.frameBytes, with: store.log[page])
            // No two frames are alike, because equal ones would be one padded commit.
            log[layout.offset(frame) + 24 + 60] = UInt8(frame - last)
            if !isCommit {
                log.replaceSubrange(layout.offset(frame) + 4..<layout.offset(frame) + 8, with: [0, 0, 0, 0])
            }
            LogFrames.chain(&log, layout, frame)
        }
        put(last + 1, isCommit: true)
        put(last + 2, isCommit: false)
        put(last + 3, isCommit: true)
        var turn = 0
        try TestFiles.withDirectory { parent in
            for _ in KilledStore.Way.allCases {
                try check(store.with(KilledStore.logName, log), &turn, in: parent + "/store", "whole") {
                    $0 == .opened(store.states[10]) || $0 == .opened(nil)
                }
            }
            log[layout.offset(last + 2) + 2_000] ^= 1
            for _ in KilledStore.Way.allCases {
                try check(store.with(KilledStore.logName, log), &turn, in: parent + "/store", "torn") {
                    $0 == .opened(store.states[10]) || $0 == .opened(nil)
                }
            }
            // With one more commit in the same sequence, the log is damaged.
            put(last + 4, isCommit: true)
            try check(store.with(KilledStore.logName, log), &turn, in: parent + "/store", "rotten") { $0 == .damaged }
        }
    }

    /// Unless SQLite knows that a torn write can't harm earlier bytes, it fills a commit's last sector with copies of
    /// the commit's last frame. These copies are no commits of their own.
    @Test func aTornTransactionThatIsPadded() throws {
        let store = try KilledStore.make(commits: 11, lastRows: 300)
        let layout = LogLayout(store.log)
        var log = store.log
        let last = log[layout.offset(layout.frames)..<layout.offset(layout.frames) + layout.frameBytes]
        for frame in layout.frames + 1...layout.frames + 7 {
            log += last
            LogFrames.chain(&log, layout, frame)
        }
        var turn = 0
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            for _ in KilledStore.Way.allCases {
                try check(store.with(KilledStore.logName, log), &turn, in: path, "whole") {
                    $0 == .opened(store.states[11]) || $0 == .opened(nil)
                }
            }
            var torn = log
            torn[layout.offset(layout.commits[9] + 1) + 2_000] ^= 1
            for _ in KilledStore.Way.allCases {
                try check(store.with(KilledStore.logName, torn), &turn, in: path, "torn") {
                    $0 == .opened(store.states[10]) || $0 == .opened(nil)
                }
            }
            var rotten = log
            rotten[layout.offset(layout.commits[8] + 1) + 2_000] ^= 1
            for _ in KilledStore.Way.allCases {
                try check(store.with(KilledStore.logName, rotten), &turn, in: path, "rotten") { $0 == .damaged }
            }
        }
    }

    /// A prepared log can be of any length without taking any room on the disk.
    @Test func aLongLogIsNotLookedThroughForNobody() throws {
        let store = try KilledStore.make(commits: 3)
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            try store.write(to: path)
            let length = Int64(1) << 34
            try TestFiles.write(store.log, to: path + "/" + KilledStore.logName, length: length)
            let options = VectorStoreOptions(shouldCancel: { true })
            for access in [VectorStoreAccess.readOnly, .readWrite] {
                let error = expectError(.cancelled) {
                    try VectorStore<Int64>.open(at: path, access: access, options: options)
                }
                #expect(error?.problem.contains("of the \(length) bytes of index.sqlite-wal") == true)
            }
            expectError(.cancelled) { try VectorStoreInfo.read(at: path) { true } }
            expectError(.cancelled) { try VectorStoreRecovery.recover(at: path, dryRun: true) { true } }
            expectError(.cancelled) { try VectorStoreRecovery.recover(at: path, dryRun: false) { true } }
            // A short log is checked without asking whether to stop.
            try store.write(to: path)
            try VectorStore<Int64>.open(at: path, access: .readOnly, options: options).close()
        }
    }

    /// Only the frames that SQLite accepts are written again.
    @Test func aLongLogIsNotWritten() throws {
        let store = try KilledStore.make(commits: 3)
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            try store.write(to: path)
            let length = Int64(64) << 20
            var files: [String: FileImage] = [:]
            for name in store.files.keys { files[name] = FileImage(try TestFiles.read(path + "/" + name)) }
            files[KilledStore.logName]?.setLength(length)
            try TestDisk.holding(files) { disk in
                let opened = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                #expect(try CrashModel(of: opened) == store.states[3])
                #expect(disk.log.count { $0.kind == .write && $0.isOnLog } < 50)
            }
        }
    }

    /// Readers look twice, and so they tell a damaged log from one that is being written.
    @Test func readersBesideAWriter() throws {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 8, metric: .dot))
            let isDone = Guarded(false)
            let failure = Guarded<String?>(nil)
            let opens = Guarded(0)
            let group = DispatchGroup()
            let reading: @Sendable () -> Void = {
                while !isDone.withLock({ $0 }) {
                    do { try VectorStore<Int64>.open(at: path, access: .readOnly).close() } catch {
                        failure.withLock { $0 = "\(error)" }
                        return
                    }
                    opens.withLock { $0 += 1 }
                }
            }
            for _ in 0..<2 { DispatchQueue.global().async(group: group, execute: DispatchWorkItem(block: reading)) }
            var commits = 0
            // The log begins anew every 250 commits or so.
            while commits < 1_000 || opens.withLock({ $0 }) < 200, failure.withLock({ $0 }) == nil {
                let vector = CrashModel.vector(Int64(commits % 100), version: commits, dimension: 8)
                try store.put(vector, for: Int64(commits % 100), replacing: true)
                commits += 1
            }
            isDone.withLock { $0 = true }
            group.wait()
            let message = failure.withLock { $0 }
            #expect(message == nil)
        }
    }
}
