import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// A reader can't write to the directory, while a writer reaches it by another path.
@Suite(.enabled(if: Mounts.areAllowed, "needs the right to mount"), .timeLimit(.minutes(40)))
struct ReadOnlyChangeTests {
    /// The files beside the index when the reader opens the store.
    enum State: CaseIterable {
        case noLog, logAlone, noLocks
    }

    private let scratch: Scratch
    private let mount: String
    private let rows: Int64 = 2_000

    init() throws {
        scratch = try Scratch()
        mount = scratch.path + "/mount"
    }

    private func vector(_ id: Int64) -> [Float] { (0..<64).map { Float(id) + Float($0) / 128 } }

    /// A store without a writer.
    private func make(_ state: State) throws {
        let original = try Scratch()
        let store = try VectorStore<Int64>.create(
            at: original.store,
            configuration: .init(dimension: 64, metric: .euclidean)
        )
        try store.write { batch in for id in 0..<rows { try batch.put(vector(id), for: id) } }
        if state != .logAlone { try store.close() }
        // Another process copies, because with a log this process has the index open.
        try Program.succeed("cp", "-r", original.store, scratch.store)
        extendLifetime(store)
        if state == .logAlone { try remove(scratch.file("index.sqlite-shm")) }
        if state == .noLocks { for name in EpochLocks.names { try remove(scratch.file(name)) } }
        #expect(exists(scratch.file("index.sqlite-wal")) == (state == .logAlone))
    }

    private func writer() throws -> VectorStore<Int64> { try .open(at: scratch.store) }

    @Test(arguments: State.allCases) func rowsThatMoveAreNotReadAsOthers(_ state: State) throws {
        try make(state)
        try Mounts.withReadOnly(scratch.store, at: mount) {
            let reader = try VectorStore<Int64>.open(at: mount)
            for id in 0..<rows { #expect(try reader.vector(for: id) == vector(id)) }
            let writer = try writer()
            try writer.delete(Array(0..<rows / 2))
            try writer.compact(.inPlace)
            try writer.write { batch in for id in rows..<5 * rows { try batch.put(vector(id), for: id) } }
            for id in 0..<rows { expectError(.busy) { try reader.vector(for: id) } }
            expectError(.busy) { try reader.search(for: vector(7), limit: 1) }
            expectError(.busy) { try reader.verify() }
            try reader.close()
            let again = try VectorStore<Int64>.open(at: mount)
            for id in rows / 2..<5 * rows { #expect(try again.vector(for: id) == vector(id)) }
            try again.close()
            try writer.close()
        }
    }

    @Test(arguments: [State.noLog, .logAlone]) func rowsHoldStillWhileTheyAreRead(_ state: State) throws {
        try make(state)
        try Mounts.withReadOnly(scratch.store, at: mount) {
            let reader = try VectorStore<Int64>.open(at: mount)
            let writer = try writer()
            expectError(.busy, "the store changed meanwhile") {
                try reader.read { snapshot in
                    try writer.delete(Array(0..<rows / 2))
                    expectError(.busy, "rows are read") { try writer.compact(.inPlace, .waiting(0.1)) }
                    for id in 0..<rows { #expect(try snapshot.vector(for: id) == vector(id)) }
                }
            }
            try writer.compact(.inPlace, .waiting(0.1))
            try reader.close()
            try writer.close()
        }
    }

    /// The index's pages change under a reader that takes them for immutable: it sees old pages and new ones together.
    @Test func whatACheckpointTearsIsNotBelieved() throws {
        try make(.noLog)
        try Mounts.withReadOnly(scratch.store, at: mount) {
            let reader = try VectorStore<Int64>.open(at: mount)
            let error = expectError(.busy) {
                try reader.read { snapshot in
                    #expect(try snapshot.contains(0))
                    let writer = try writer()
                    try writer.delete(Array(0..<rows))
                    try writer.write { batch in for id in 0..<rows { try batch.put(vector(id), for: -id) } }
                    try writer.close()
                    _ = try snapshot.ids()
                    for id in 0..<rows { _ = try snapshot.vector(for: id) }
                }
            }
            #expect(error?.remedy.calls == [.open])
            try reader.close()
        }
    }

    @Test func whoCommitsNothingIsNoChange() throws {
        try make(.noLog)
        try Mounts.withReadOnly(scratch.store, at: mount) {
            let reader = try VectorStore<Int64>.open(at: mount)
            let other = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
            #expect(try other.count == Int(rows))
            #expect(exists(scratch.file("index.sqlite-shm")))
            #expect(try reader.vector(for: 9) == vector(9))
            let writer = try writer()
            #expect(try reader.vector(for: 9) == vector(9))
            try writer.delete(9)
            expectError(.busy) { try reader.vector(for: 9) }
            try reader.close()
            try other.close()
            try writer.close()
        }
    }

    // MARK: A copy beside a log alone

    /// Calls `body` each time after the database was copied, and before the log is.
    private func open(_ body: @escaping @Sendable () throws -> Void) throws -> VectorStore<Int64> {
        try .open(
            at: mount,
            access: .readOnly,
            fileSystem: HookedFileSystem { path in
                if path.hasSuffix("-wal"), path.hasPrefix(mount) { #expect(throws: Never.self, performing: body) }
            }
        )
    }

    /// Another process checkpoints, because nothing in this one may have the index open meanwhile.
    @Test(.enabled(if: Program.sqlite.isInstalled, "needs the sqlite3 shell"))
    func aCopyOfTwoStatesIsMadeAgain() throws {
        try make(.logAlone)
        let index = scratch.index
        try Mounts.withReadOnly(scratch.store, at: mount) {
            let reader = try open {
                // The copied database lacks the log's rows, and the log is now empty.
                let shell = try Program.sqlite.run([index, "PRAGMA wal_checkpoint(TRUNCATE)"])
                #expect(shell.status == 0)
            }
            #expect(try reader.ids() == Array(0..<rows))
            #expect(try reader.verify().isSound)
            try reader.close()
        }
    }

    @Test func aCopyThatIsNeverOfOneStateIsGivenUp() throws {
        try make(.logAlone)
        let copies = Guarded(0)
        let log = scratch.file("index.sqlite-wal")
        try Mounts.withReadOnly(scratch.store, at: mount) {
            let error = expectError(.busy) {
                try open {
                    let copy = copies.withLock { copies in
                        copies += 1
                        return copies
                    }
                    let time = Date(timeIntervalSince1970: Double(copy))
                    try FileManager.default.setAttributes([.modificationDate: time], ofItemAtPath: log)
                }
            }
            #expect(error?.remedy.calls == [.open])
        }
        #expect(copies.withLock { $0 } > 1)
    }
}
