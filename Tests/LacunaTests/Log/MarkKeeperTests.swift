// The bug story: somebody tidied up and removed index.sqlite-wal, "a temporary file". The database beside it was whole,
// but older: the store opened without an error, and everything that had been acknowledged since the last checkpoint was
// gone.

import Foundation
import TestSupport
import Testing

@testable import Lacuna

@Suite(.timeLimit(.minutes(40))) struct MarkKeeperTests {
    private static let ways = KilledStore.Way.allCases

    /// Expects the same outcome in every way of opening; or, if a way tells nothing of the rows, that the store opens.
    private func expect(_ expected: KilledStore.Outcome, _ store: KilledStore, _ what: String) throws {
        try TestFiles.withDirectory { parent in
            for way in Self.ways {
                let outcome = try store.outcome(way, in: parent + "/store")
                let isRight = outcome == expected || expected != .damaged && outcome == .opened(nil)
                #expect(isRight, "\(what), \(way): \(String("\(outcome)".prefix(200)))")
            }
        }
    }

    private func last(_ store: KilledStore) -> KilledStore.Outcome { .opened(store.states.last) }

    @Test func whatAKilledProcessLeavesIsWhole() throws {
        let store = try KilledStore.make(commits: 30)
        try expect(last(store), store, "untouched")
    }

    // MARK: A log that isn't the store's, or not all of it

    @Test func aLogThatIsMissing() throws {
        let store = try KilledStore.make(commits: 12)
        try expect(.damaged, store.with(KilledStore.logName, nil), "deleted")
        try expect(.damaged, store.with(KilledStore.logName, []), "emptied")
        for count in [20, 32, 1_000] {
            try expect(.damaged, store.with(KilledStore.logName, Array(store.log[..<count])), "cut to \(count)")
        }
        let zeros = [UInt8](repeating: 0, count: store.log.count)
        try expect(.damaged, store.with(KilledStore.logName, zeros), "zeroed")
        var random = SplitMix64(seed: 5)
        let garbage = (0..<store.log.count).map { _ in UInt8.random(in: 0...255, using: &random) }
        try expect(.damaged, store.with(KilledStore.logName, garbage), "garbage")
    }

    /// A log that was cut in the middle yields exactly its whole commits; at least the first one must be there.
    @Test func aLogThatIsCutShort() throws {
        let store = try KilledStore.make(commits: 12)
        let layout = LogLayout(store.log)
        try TestFiles.withDirectory { parent in
            for frame in 1...layout.frames {
                for extra in [0, 700] {
                    let length = layout.offset(frame) + extra
                    let cut = store.with(KilledStore.logName, Array(store.log[..<length]))
                    let left = layout.commits(before: frame)
                    let outcome = try cut.outcome(frame % 2 == 0 ? .readOnly : .readWrite, in: parent + "/store")
                    #expect(outcome == (left == 0 ? .damaged : .opened(store.states[left])), "cut to \(length)")
                }
            }
        }
    }

    @Test func anotherStoresFiles() throws {
        let store = try KilledStore.make(commits: 8)
        let other = try KilledStore.make(commits: 8, firstID: 1_001)
        for name in [KilledStore.logName, KilledStore.indexName] {
            try expect(.damaged, store.with(name, other.files[name]), name)
        }
        // A mark of another store is ignored.
        try expect(last(store), store.with(KilledStore.lockName, other.files[KilledStore.lockName]), "mark")
    }

    /// Tests a database from before the last checkpoint: without the log, beside its own log, and beside the newer log.
    @Test func olderFiles() throws {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            let old = try KilledStore.make(commits: 8)
            try old.write(to: path)
            var expected = try #require(old.states.last)
            var store = try VectorStore<Int64>.open(at: path)
            let vector = CrashModel.vector(7_777, version: 1, dimension: KilledStore.dimension)
            try store.put(vector, for: 7_777)
            expected.put(7_777, vector, nil)
            try store.close()
            store = try VectorStore<Int64>.open(at: path)
            try store.setMetadataJSON("{}", for: 7_777)
            expected.rows[7_777]?.metadata = "{}"
            let copy = parent + "/copy"
            try Program.succeed("cp", "-r", path, copy)
            try store.close()
            var new = KilledStore(files: [:], states: [expected])
            for name in old.files.keys { new.files[name] = try TestFiles.read(copy + "/" + name) }
            try expect(.opened(expected), new, "untouched")
            let oldIndex = old.files[KilledStore.indexName]
            try expect(.damaged, new.with(KilledStore.indexName, oldIndex).with(KilledStore.logName, nil), "no log")
            try expect(.damaged, new.with(KilledStore.indexName, oldIndex), "the new log")
            try expect(
                .damaged,
                new.with(KilledStore.indexName, oldIndex).with(KilledStore.logName, old.log),
                "the old log"
            )
            try expect(.damaged, new.with(KilledStore.logName, old.log), "a new database, the old log")
        }
    }

    /// A database together with its log, from before some of the commits, is a whole state, but not the last one.
    /// Closing has recorded the number of the last one.
    @Test func anOlderDatabaseWithItsLog() throws {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            let copy = parent + "/copy"
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 8, metric: .dot))
            for id in Int64(1)...5 { try put(id, store) }
            try Program.succeed("cp", "-r", path, copy)
            for id in Int64(6)...10 { try put(id, store) }
            let state = try CrashModel(of: store)
            try store.close()
            let closed = KilledStore(files: try KilledStore.contents(path), states: [state])
            try expect(last(closed), closed, "closed")
            var older = closed
            for name in [KilledStore.indexName, KilledStore.logName] {
                older.files[name] = try TestFiles.read(copy + "/" + name)
            }
            try expect(.damaged, older, "older")
        }
    }

    /// SQLite takes a log beside an empty file for another database's log, and removes it.
    @Test func anEmptyDatabaseBesideALog() throws {
        let store = try KilledStore.make(commits: 3)
        try expect(.damaged, store.with(KilledStore.indexName, []), "empty")
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            let broken = store.with(KilledStore.indexName, []).with(KilledStore.dataName, nil)
            try broken.write(to: path)
            let before = try KilledStore.contents(path)
            expectError(.alreadyExists) { try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 8)) }
            #expect(try KilledStore.contents(path) == before)
        }
    }

    // MARK: The mark

    /// Without a mark the missing commits go unnoticed: the same files open as the state before those commits.
    @Test func withoutAMark() throws {
        let store = try KilledStore.make(commits: 6)
        let mark = try #require(store.files[KilledStore.lockName])
        #expect(mark.count == CommitMark.length)
        for harmed in [nil, [], Array(mark.dropLast())] {
            let unmarked = store.with(KilledStore.lockName, harmed)
            try expect(last(store), unmarked, "no mark")
            try expect(.opened(store.states[0]), unmarked.with(KilledStore.logName, nil), "no mark and no log")
        }
        for byte in mark.indices {
            var harmed = mark
            harmed[byte] ^= 0x10
            #expect(CommitMark(decoding: harmed) == nil, "byte \(byte)")
        }
    }

    /// Compares the mark with its description in docs/format.md, byte by byte.
    @Test func bytesOfTheMark() throws {
        let mark = CommitMark(
            store: Array(1...16),
            sequence: 0x0102_0304,
            .init(sequence: 3, generation: 2, offset: 4_096),
            token: 0x0a0b_0c0d
        )
        let bytes = mark.encoded()
        var expected: [UInt8] = [0x89, 0x4c, 0x41, 0x43, 0x4d, 0x52, 0x4b, 0x0a] + Array(1...16)
        expected += [4, 3, 2, 1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 0]
        expected += [0x0d, 0x0c, 0x0b, 0x0a]
        let checksum = crc32c(expected)
        expected += (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) }
        #expect(bytes == expected)
        #expect(CommitMark(decoding: bytes) == mark)
    }

    private func withStore(
        _ durability: Durability = .full,
        _ body: (TestDisk, VectorStore<Int64>) throws -> Void
    ) throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: 8, metric: .dot),
                    fileSystem: disk.fileSystem,
                    options: .init(durability: durability)
                )
                try body(disk, store)
            }
        }
    }

    private func put(_ id: Int64, _ store: VectorStore<Int64>) throws {
        try store.put(CrashModel.vector(id, version: 0, dimension: 8), for: id)
    }

    private func sequence(_ store: VectorStore<Int64>) throws -> Int64 {
        try store.readers.read { $0.record.commitSequence }
    }

    private func mark(_ disk: TestDisk) throws -> Int64 {
        try #require(try CommitMark.read(try StorePaths(disk.directory), SystemFileSystem())).sequence
    }

    /// After each call of every kind, the mark is never above the last commit; and it is above the commit that the
    /// database alone has, if commits lie in the log.
    @Test func neverTooHighAndNeverTooLow() throws {
        try withStore { disk, store in
            func check(_ what: String) throws {
                let (mark, last) = try (mark(disk), sequence(store))
                let alone = try StoreIndex.openForReading(Directory(disk.directory), .immutable)
                let inDatabase = try alone.record().commitSequence
                #expect(
                    mark <= last && (inDatabase == last || mark > inDatabase),
                    "\(what): \(mark), \(inDatabase), \(last)"
                )
            }
            try check("created")
            for id in Int64(1)...20 {
                try put(id, store)
                try check("put \(id)")
            }
            try whileReading(store) {
                for id in Int64(21)...40 { try put(id, store) }
                // A checkpoint that the snapshot stops half-way.
                try store.writing().turn { _ = try $0.log.empty() }
                try check("half a checkpoint")
                try put(41, store)
                try check("put 41")
            }
            let isEmptied = try store.writing().turn { try $0.log.empty() }
            #expect(isEmptied)
            try check("a checkpoint")
            try put(42, store)
            try check("put 42")
            for (number, strategy) in [CompactionStrategy.rewrite, .inPlace].enumerated() {
                try store.delete((Int64(1)...40).filter { $0 % 3 == Int64(number) })
                #expect(try store.compact(strategy, .small(rows: 4, dimension: 8)).strategy == strategy)
                try check("\(strategy)")
            }
            try store.erase([42])
            try check("erase")
        }
    }

    /// A log that is harmed right after a call has returned is noticed.
    @Test func durableBeforeTheCallReturns() throws {
        for commits in 1...3 {
            try withStore { disk, store in
                for id in 1...commits { try put(Int64(id), store) }
                let moment = disk.now
                extendLifetime(store)
                for survival in Survival.extremes {
                    var files = moment.model.afterPowerCut(survival)
                    files?[KilledStore.logName] = nil
                    try TestDisk.holding(files) { disk in
                        _ = expectError(.damaged) {
                            try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                        }
                    }
                }
            }
        }
    }

    /// A new store's schema is in its database, and not only in its log.
    @Test func aNewStoreNeedsNoLog() throws {
        try withStore { disk, store in
            var files = disk.now.model.afterPowerCut(.nothing)
            extendLifetime(store)
            files?[KilledStore.logName] = nil
            try TestDisk.holding(files) { disk in
                let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                #expect(try store.count == 0)
            }
        }
    }

    @Test(arguments: [DiskOperation.Kind.write, .sync]) func anIOErrorOfTheMark(_ kind: DiskOperation.Kind) throws {
        try withStore { disk, store in
            disk.inject(DiskFault(errno: EIO, matches: { $0.kind == kind && $0.name == KilledStore.lockName }))
            expectError(.ioError) { try put(1, store) }
            #expect(disk.failures == 1)
            expectError(.needsReopen) { try put(2, store) }
            #expect(try store.ids() == [1])
            try store.close()
            disk.inject(nil)
            let next = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
            #expect(try next.ids() == [1])
            try put(2, next)
        }
    }

    /// The commit is durable without the mark; the next commit tries to write it again.
    @Test func aDiskTooFullForTheMark() throws {
        try withStore { disk, store in
            disk.inject(DiskFault(errno: ENOSPC, matches: { $0.kind == .write && $0.name == KilledStore.lockName }))
            try put(1, store)
            #expect(disk.failures == 1)
            #expect(try mark(disk) == 0)
            try put(2, store)
            #expect(try mark(disk) == sequence(store))
        }
    }

    /// Closing copies the log into the database only once the mark says so; otherwise an older copy of both files would
    /// be taken for the store.
    @Test func closingThatFailsLeavesTheLog() throws {
        try withStore(.relaxed(interval: .seconds(3_600))) { disk, store in
            for id in Int64(1)...20 {
                try put(id, store)
                try store.flush()
            }
            try put(21, store)
            disk.inject(DiskFault(errno: ENOSPC, matches: { $0.isOnLog && $0.kind == .write }))
            expectError(.diskFull) { try store.close() }
            disk.inject(nil)
            #expect(try mark(disk) == 1)
            #expect(try sizes(disk.directory + "/" + KilledStore.logName).length > 0)
            let next = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
            #expect(try next.ids() == Array(1...20))
        }
    }

    /// The mark is written once per checkpoint, and not once per commit.
    @Test func whatItCosts() throws {
        try withStore { disk, store in
            let start = disk.log.count
            for id in Int64(1)...50 { try put(id, store) }
            let marks = disk.log[start...].filter { $0.name == KilledStore.lockName && $0.kind == .sync }
            #expect(marks.count == 1)
        }
    }

    // MARK: Others at the files

    /// A shell uses the log that this handle has made, and doesn't sync the log's name.
    @Test func aForeignCommitIsCopiedFromALogThatHasItsName() throws {
        #expect(try Self.logIsNamedBeforeAForeignCommitIsCopied())
    }

    static func logIsNamedBeforeAForeignCommitIsCopied() throws -> Bool {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: 8),
                    fileSystem: disk.fileSystem
                ).close()
                let start = disk.log.count
                let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                let index = disk.directory + "/index.sqlite"
                try Connection(index, .readWrite).run("UPDATE store SET next_generation = next_generation + 1")
                try store.close()
                let operations = disk.log[start...].map { "\($0.kind) \($0.name)" }
                let copied = try #require(operations.firstIndex(of: "write index.sqlite"))
                return operations.firstIndex(of: "syncDirectory .") ?? copied < copied
            }
        }
    }

    /// SQLite's shell copies the log into the database and removes it; no commit is missing then.
    @Test(.enabled(if: Program.sqlite.isInstalled, "needs the sqlite3 shell"))
    func aShellThatEmptiesTheLog() throws {
        let store = try KilledStore.make(commits: 10)
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            try store.write(to: path)
            let result = try Program.sqlite.run([path + "/index.sqlite", "PRAGMA wal_checkpoint(TRUNCATE)"])
            #expect(result.status == 0 && !TestFiles.exists(path + "/" + KilledStore.logName), "\(result.error)")
            for access in [VectorStoreAccess.readOnly, .readWrite] {
                let opened = try VectorStore<Int64>.open(at: path, access: access)
                let found = try CrashModel(of: opened)
                #expect(found == store.states.last)
                try opened.close()
            }
        }
    }

    /// A handle that met an I/O error leaves the log to the next one: it may be the only copy.
    @Test func aFailedHandleKeepsTheLog() throws {
        try withStore { disk, store in
            try put(1, store)
            disk.inject(DiskFault(errno: EIO, matches: { $0.kind == .sync && $0.isOnLog }))
            expectError(.ioError) { try put(2, store) }
            disk.inject(nil)
            let start = disk.log.count
            try store.close()
            #expect(disk.log[start...].filter(\.kind.changesFiles) == [])
            #expect(try sizes(disk.directory + "/index.sqlite-wal").length > 0)
        }
    }
}
