import TestSupport
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Tests which logs are accepted beside which databases. `RestoreExplorationTests` looks for states that nobody thought
/// of.
@Suite struct LogEvidenceTests {
    private static let token: UInt32 = 7

    private static func record(_ sequence: Int64, like other: StoreRecord? = nil) -> StoreRecord {
        var record = other ?? StoreRecord(dimension: 8, metric: .dot, idKind: .integer)
        record.commitSequence = sequence
        return record
    }

    /// Evidence from a log with `sequence`, `base` and `token`, a database with the record `alone`, and a mark.
    private static func evidence(
        _ sequence: Int64,
        base: Int64,
        token: UInt32 = token,
        alone: Int64,
        mark: (token: UInt32, base: Int64)?
    ) -> LogEvidence {
        let record = record(sequence)
        let database = mark.map { CommitMark.Database(sequence: $0.base, generation: 1, offset: 4_096) }
        return LogEvidence(
            record: record,
            origin: LogOrigin(base: base, token: token),
            alone: Self.record(alone, like: record),
            mark: database.flatMap { database in
                mark.map { CommitMark(store: record.uuidBytes, sequence: 0, database, token: $0.token) }
            }
        )
    }

    /// States that crashes, readers and shells leave, as the table in LogEvidence.swift lists them.
    @Test func noFalseAlarm() {
        let (old, new) = ((token: UInt32(6), base: Int64(2)), (token: Self.token, base: Int64(5)))
        let cases: [(String, LogEvidence)] = [
            ("1. a whole checkpoint, and no commit since", Self.evidence(5, base: 2, token: 6, alone: 5, mark: old)),
            ("2. the first commit, and the mark of the log before", Self.evidence(6, base: 5, alone: 5, mark: old)),
            ("3. the mark raised", Self.evidence(6, base: 5, alone: 5, mark: new)),
            ("4. further commits", Self.evidence(9, base: 5, alone: 5, mark: new)),
            ("4b. of which the mark couldn't know", Self.evidence(9, base: 5, token: 0, alone: 5, mark: old)),
            ("4b. a mark that was lost", Self.evidence(9, base: 5, token: 0, alone: 5, mark: nil)),
            ("5. a checkpoint in part", Self.evidence(9, base: 5, alone: 7, mark: new)),
            ("7. a shell's checkpoint", Self.evidence(9, base: 5, alone: 9, mark: new)),
            ("the log's last commits have no token", Self.evidence(9, base: 5, token: 0, alone: 7, mark: new)),
        ]
        for (what, evidence) in cases { #expect(evidence.misfit == nil, "\(what)") }
    }

    @Test func whatDoesNotFit() {
        let (old, new) = ((token: UInt32(6), base: Int64(2)), (token: Self.token, base: Int64(5)))
        let cases: [(String, LogEvidence)] = [
            ("an older database", Self.evidence(9, base: 5, alone: 4, mark: new)),
            ("an older database, and its mark", Self.evidence(9, base: 5, alone: 4, mark: old)),
            ("an older database, and no mark", Self.evidence(6, base: 5, alone: 4, mark: nil)),
            ("by the mark alone", Self.evidence(9, base: 0, token: 0, alone: 4, mark: new)),
            ("a newer database", Self.evidence(9, base: 5, alone: 10, mark: new)),
            ("the log's own beginning, with the mark of then", Self.evidence(7, base: 5, alone: 5, mark: old)),
            ("a mark of schema version 1", Self.evidence(7, base: 5, alone: 5, mark: (0, 2))),
        ]
        for (what, evidence) in cases { #expect(evidence.misfit != nil, "\(what)") }
        let one = Self.evidence(6, base: 5, alone: 5, mark: new)
        let other = LogEvidence(record: one.record, origin: one.origin, alone: Self.record(5), mark: one.mark)
        #expect(other.misfit != nil, "another store's")
        let outdated = LogEvidence(record: one.record, origin: nil, alone: one.alone, mark: one.mark)
        #expect(outdated.misfit != nil, "an older schema than the mark's")
    }

    /// Only the rows tell whether the log's first commit is this store's.
    @Test func whenRowsAreDoubtful() {
        #expect(Self.evidence(6, base: 5, alone: 5, mark: (6, 2)).areRowsDoubtful)
        #expect(Self.evidence(9, base: 5, token: 0, alone: 5, mark: (6, 2)).areRowsDoubtful)
        #expect(!Self.evidence(6, base: 5, alone: 5, mark: (Self.token, 5)).areRowsDoubtful)
        #expect(!Self.evidence(5, base: 2, alone: 5, mark: (6, 2)).areRowsDoubtful)
    }

    // MARK: Numbers and tokens of commits

    private func withStore(_ body: (TestDisk, VectorStore<Int64>) throws -> Void) throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: 8, metric: .dot),
                    fileSystem: disk.fileSystem
                )
                try body(disk, store)
            }
        }
    }

    private static let noRoomForTheMark = DiskFault(
        errno: ENOSPC,
        times: .max,
        matches: { $0.kind == .write && $0.name == KilledStore.lockName }
    )

    private func put(_ ids: ClosedRange<Int64>, _ store: VectorStore<Int64>) throws {
        for id in ids { try store.put(CrashModel.vector(id, version: 0, dimension: 8), for: id) }
    }

    private func origin(_ store: VectorStore<Int64>) throws -> LogOrigin {
        try #require(try store.readers.read { try $0.index.logOrigin() })
    }

    private func token(_ disk: TestDisk) throws -> UInt32? {
        try CommitMark.read(StorePaths(disk.directory), SystemFileSystem())?.token
    }

    private func emptyLog(_ store: VectorStore<Int64>) throws -> Bool {
        try store.writing().turn { try $0.log.empty() }
    }

    @Test func aTokenIsOfOneLog() throws {
        try withStore { disk, store in
            var tokens: Set<UInt32> = [0]
            for round in Int64(0)..<3 {
                let base = try store.readers.read { $0.record.commitSequence }
                try put(10 * round + 1...10 * round + 3, store)
                let origin = try origin(store)
                #expect(origin.base == base)
                #expect(try token(disk) == origin.token)
                #expect(tokens.insert(origin.token).inserted, "round \(round)")
                #expect(try emptyLog(store))
            }
        }
    }

    /// After a partial checkpoint the log goes on, and keeps its token.
    @Test func aReaderKeepsTheToken() throws {
        try withStore { disk, store in
            try put(1...2, store)
            let before = try origin(store)
            try whileReading(store) {
                try put(3...4, store)
                #expect(try !emptyLog(store))
                try put(5...6, store)
                #expect(try origin(store) == before)
                #expect(try token(disk) == before.token)
            }
        }
    }

    /// If the mark can't be written, commits have no token: the files that a crash leaves then must not look like a
    /// backup.
    @Test func aDiskTooFullForTheMark() throws {
        try withStore { disk, store in
            try put(1...2, store)
            #expect(try emptyLog(store))
            disk.inject(Self.noRoomForTheMark)
            try put(3...3, store)
            #expect(try origin(store).token != 0)
            let first = disk.now
            try put(4...5, store)
            #expect(try origin(store).token == 0)
            let later = disk.now
            disk.inject(nil)
            try put(6...6, store)
            #expect(try origin(store).token == 0)
            try put(7...7, store)
            #expect(try origin(store).token == token(disk))
            extendLifetime(store)
            for (moment, count) in [(first, 3), (later, 5), (disk.now, 7)] {
                for access in [VectorStoreAccess.readOnly, .readWrite] {
                    try TestDisk.killed(at: moment) { disk in
                        let next = try VectorStore<Int64>.open(
                            at: disk.directory,
                            access: access,
                            fileSystem: disk.fileSystem
                        )
                        #expect(try next.count == count)
                        #expect(try next.verify().isSound)
                    }
                }
            }
        }
    }

    /// A commit that changes no row has a number only if it is the first of a log.
    @Test func everyCommitHasANumber() throws {
        try withStore { _, store in
            try put(1...4, store)
            func sequence() throws -> Int64 { try store.readers.read { $0.record.commitSequence } }
            func commit(changing change: Bool = true) throws {
                try store.writing().turn { session in
                    try session.commit { () throws(VectorStoreError) in
                        if change { try session.index.connection.run("DELETE FROM metadata WHERE id = 0 OR 1") }
                    }
                }
            }
            try store.setMetadataJSON("{}", for: 1)
            #expect(try emptyLog(store))
            let before = try sequence()
            try commit(changing: false)
            #expect(try sequence() == before)
            try commit()
            #expect(try sequence() == before + 1)
            #expect(try origin(store).base == before)
            try store.writing().turn { session in
                try session.commit { () throws(VectorStoreError) in
                    try session.index.connection.run("UPDATE sqlite_sequence SET seq = seq")
                    try session.index.connection.run("INSERT INTO metadata VALUES (1, '{}', 0)")
                }
            }
            #expect(try sequence() == before + 2)
        }
    }

    // MARK: Before rows move

    /// The mark must say from which slot on rows are named by the log alone; otherwise recovery would not write all of
    /// them again.
    @Test func noRoomToSayThatRowsMove() throws {
        try withStore { disk, store in
            try put(1...40, store)
            try store.delete((1...20).map { $0 })
            #expect(try emptyLog(store))
            let before = try CrashModel(of: store)
            disk.inject(Self.noRoomForTheMark)
            expectError(.diskFull) { try store.compact(.inPlace, .small(rows: 4, dimension: 8)) }
            let index = try rawConnection(disk.directory + "/index.sqlite")
            #expect(try index.value("SELECT rows_moved FROM compaction_journal") == 0)
            disk.inject(nil)
            #expect(try store.compact(.inPlace, .small(rows: 4, dimension: 8)).movedRows == 20)
            #expect(try CrashModel(of: store) == before)
        }
    }

    // MARK: Shells

    /// A shell's commits and checkpoints on the store of a killed process are no sign of another log.
    @Test func aShellAtAKilledStore() throws {
        let store = try KilledStore.make(commits: 6)
        let changes = ["CREATE TABLE mine (a)", "DELETE FROM compaction_journal", "UPDATE store SET reader_epoch = 4"]
        let checkpoints = [nil, "PRAGMA wal_checkpoint(PASSIVE)", "PRAGMA wal_checkpoint(TRUNCATE)"]
        for change in changes {
            for checkpoint in checkpoints {
                try TestFiles.withDirectory { parent in
                    let path = parent + "/store"
                    try store.write(to: path)
                    let connection = try Connection(path + "/index.sqlite", .readWrite)
                    if let checkpoint { try connection.execute(checkpoint) }
                    try connection.execute(change)
                    if let checkpoint { try connection.execute(checkpoint) }
                    try connection.execute(change.replacing("CREATE TABLE mine", with: "CREATE TABLE yours"))
                    for access in [VectorStoreAccess.readOnly, .readWrite] {
                        let opened = try VectorStore<Int64>.open(at: path, access: access)
                        #expect(try CrashModel(of: opened) == store.states.last, "\(change), \(checkpoint ?? "")")
                        try opened.close()
                    }
                }
            }
        }
    }
}
