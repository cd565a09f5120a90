// The bug story: if a reader was in the way of an erasure, either the rows could still be found in the file, or the
// rows that the reader held turned to zeros. And once the erasure had given up, nobody ever finished it.

import Foundation
import InMemoryLogging
import Logging
import Synchronization
import TestSupport
import Testing

@testable import Lacuna

/// Readers keep the rows that they see; the rows that were kept for them are erased when they are gone.
@Suite(.timeLimit(.minutes(40))) struct ErasingReadersTests {
    private let scratch: Scratch
    private let store: VectorStore<Int64>
    private let remains: Remains
    private let rows: ErasedRows<Int64>
    private let ids: [Int64] = (1...200).filter { $0 % 3 == 0 }

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 64, metric: .dot))
        var rows = ErasedRows<Int64>(dimension: 64, seed: 6)
        try rows.fill(store, (1...200).map { $0 })
        remains = rows.remains(of: ids)
        self.rows = rows
    }

    private func expectPending(_ error: VectorStoreError?, at location: SourceLocation = #_sourceLocation) {
        let context = "the rows are deleted, but not erased yet: "
        #expect(error?.problem.hasPrefix(context) == true, sourceLocation: location)
        #expect(error?.remedy.calls.suffix(3) == [.openForWriting, .erase, .compact], sourceLocation: location)
    }

    /// The call that goes on once the reader is gone.
    enum Heir: CaseIterable, Sendable { case open, erase, compact, recover }

    @Test(arguments: Heir.allCases) func theNextOneFinishes(_ heir: Heir) throws {
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try reader.read { snapshot in
            let before = try #require(try snapshot.vector(for: 3))
            for _ in 0..<2 {
                let error = expectError(.busy) { try store.erase(ids, .waiting(0)) }
                expectPending(error)
            }
            #expect(try store.vector(for: 3) == nil && store.metadataJSON(for: 3) == nil)
            #expect(try store.count == 200 - ids.count)
            #expect(try snapshot.vector(for: 3) == before)
            #expect(try snapshot.metadataJSON(for: 3) != nil)
            try expectPending(2)
        }
        try reader.close()
        #expect(try !found().isEmpty)
        switch heir {
        case .open:
            try store.close()
            try check(VectorStore<Int64>.open(at: scratch.store))
        case .erase:
            // This includes the tail: zeros that an interrupted erasure wrote may not be on the disk, and are written
            // again.
            try expectRewritten(deadRows: ids.count)
            try check(store)
        case .compact:
            try store.compact(.punch)
            try check(store)
        case .recover:
            try store.close()
            let report = try VectorStoreRecovery.recover(at: scratch.store)
            #expect(report.state == .recovered && report.actions.map(\.kind) == [.erase, .erase])
            #expect(try VectorStoreRecovery.recover(at: scratch.store).state == .clean)
            #expect(try remains.find(in: scratch.store) == [])
        }
    }

    /// Expects that all dead rows are zeroed, and at most everything that isn't live; and nothing more the second time.
    private func expectRewritten(deadRows: Int) throws {
        let zeroed = try store.erase([]).zeroedBytes
        let length = try sizes(scratch.file("vectors-1.f32")).length
        #expect(zeroed >= deadRows * 64 * 4)
        #expect(zeroed <= length - 4_096 - Int64(try store.count * 64 * 4))
        #expect(try store.erase([]).zeroedBytes == 0)
    }

    private func check(_ store: VectorStore<Int64>) throws {
        #expect(try found() == [])
        try expectPending(0)
        try rows.expectSurvivors(store)
    }

    /// A reader that is still there doesn't keep anybody from opening, compacting or recovering the store.
    @Test func aReaderIsInNobodysWay() throws {
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try reader.read { snapshot in
            expectError(.busy) { try store.erase(ids, .waiting(0)) }
            try store.close()
            let handler = InMemoryLogHandler()
            let logger = Logger(label: "test") { _ in handler }
            let again = try VectorStore<Int64>.open(at: scratch.store, options: .init(logger: logger))
            #expect(handler.entries.map(\.level) == [.warning])
            let warning = handler.entries.first.map { "\($0.message)" } ?? ""
            #expect(warning.contains("still reads rows"), "\(warning)")
            try again.put([Float](repeating: 1, count: 64), for: 1_000)
            #expect(try again.compact(.rewrite, .waiting(0)).strategy == .rewrite)
            try again.close()
            let paths = try StorePaths(scratch.store)
            let report = try VectorStoreRecovery.recover(paths, dryRun: false, SystemFileSystem(), .waiting(0))
            #expect(report.actions.map(\.kind) == [.erase])
            #expect(report.actions.first?.detail.contains("left for the next open") == true)
            #expect(try snapshot.vector(for: 3) != nil)
        }
        try reader.close()
        let last = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try found() == [])
        #expect(try last.vector(for: 1_000) != nil)
        try expectPending(0)
    }

    /// A shell in a transaction holds no lock of ours, but it keeps the log from being emptied, and the erasure notices
    /// that.
    @Test func aShellKeepsTheLog() throws {
        let shell = try rawConnection(scratch.index)
        try shell.run("BEGIN")
        #expect(try shell.value("SELECT count(*) FROM metadata") == .integer(200))
        let error = expectError(.busy) { try store.erase(ids, .waiting(0.1)) }
        #expect(error?.problem.contains("SQLite's log") == true)
        #expect(try shell.value("SELECT count(*) FROM metadata") == .integer(200))
        try expectPending(1)
        let log = try sizes(scratch.index + "-wal").length
        for _ in 0..<3 { expectError(.busy) { try store.erase([], .waiting(0)) } }
        #expect(try sizes(scratch.index + "-wal").length < log + 100_000, "the index is in the log again and again")
        try shell.run("COMMIT")
        #expect(try !found().isEmpty)
        try store.erase([])
        try check(store)
    }

    /// New readers begin all the time, each before the last one has ended: the erasure doesn't wait for them.
    @Test func newReadersAreNotWaitedFor() throws {
        let readers = try (0..<2).map { _ in try VectorStore<Int64>.open(at: scratch.store, access: .readOnly) }
        let group = DispatchGroup()
        let isDone = Atomic(false)
        let reads = DispatchSemaphore(value: 0)
        for reader in readers {
            group.enter()
            Thread {
                while !isDone.load(ordering: .relaxed) {
                    try? reader.read { snapshot in
                        _ = try snapshot.ids()
                        reads.signal()
                    }
                }
                group.leave()
            }.start()
        }
        for _ in 0..<10 { reads.wait() }
        let result = Result { try store.erase(ids) }
        isDone.store(true, ordering: .relaxed)
        group.wait()
        #expect(try result.get().erasedRows == ids.count)
        try check(store)
    }

    /// While the erasure waits for an old reader, a new reader begins, and then a row that it sees is deleted: that row
    /// is left as it is. The new reader only keeps the log.
    @Test func aRowThatDiesMeanwhileIsLeft() throws {
        let old = try HeldSnapshot(scratch.store)
        var new: HeldSnapshot?
        let before = try #require(try store.vector(for: 1))
        let error = expectError(.busy) {
            try store.erase(ids, .waiting(1)) { _ in
                if new != nil { return }
                new = try HeldSnapshot(scratch.store)
                try store.delete(1)
                try old.release { _ in }
            }
        }
        #expect(error?.problem.contains("SQLite's log") == true)
        try #require(new).release { snapshot in
            let after = try snapshot.vector(for: 1)
            #expect(after == before)
        }
        try expectRewritten(deadRows: ids.count + 1)
        #expect(try found() == [])
    }

    enum Stop: CaseIterable, Sendable { case progress, deadline, close }

    @Test(arguments: Stop.allCases) func stoppedAndResumed(_ stop: Stop) throws {
        let limits = MaintenanceLimits.small(rows: 4, dimension: 64)
        switch stop {
        case .progress:
            #expect(throws: CancellationError.self) {
                try store.erase(ids, limits) { if $0.done > 20 { throw CancellationError() } }
            }
        case .deadline:
            let options = MaintenanceOptions(maxBytesPerSecond: 1_000, deadline: .milliseconds(200))
            let error = expectError(.deadlineExceeded) { try store.erase(ids, options: options) }
            expectPending(error)
        case .close:
            let group = DispatchGroup()
            var isClosing = false
            let error = expectError(.closed) {
                try store.erase(ids, limits) { _ in
                    if isClosing { return }
                    isClosing = true
                    group.enter()
                    Thread { [store] in
                        try? store.close()
                        group.leave()
                    }.start()
                    while (try? store.writer?.checkNotEnding()) != nil { usleep(100) }
                }
            }
            expectPending(error)
            group.wait()
        }
        #expect(try !found().isEmpty)
        try store.close()
        try check(VectorStore<Int64>.open(at: scratch.store))
    }

    @Test func fromInsideOfItself() throws {
        try store.erase([3]) { _ in expectError(.reentrantCall) { try store.erase([6]) } }
        try store.read { _ in _ = expectError(.reentrantCall) { try store.erase([6]) } }
        #expect(try store.contains(6))
    }

    @Test func optionsOutOfRange() throws {
        expectError(.invalidArgument) { try store.erase([3], options: .init(maxBytesPerSecond: 0)) }
        expectError(.invalidArgument) { try store.erase([3], options: .init(deadline: .zero)) }
        #expect(try store.contains(3))
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        expectError(.readOnly) { try reader.erase([3]) }
    }

    private func expectPending(_ count: Int64, sourceLocation here: SourceLocation = #_sourceLocation) throws {
        let sql = "SELECT count(*) FROM compaction_history WHERE pending AND strategy = 'erase'"
        #expect(try rawConnection(scratch.index).value(sql) == .integer(count), sourceLocation: here)
    }

    private func found() throws -> [String] {
        let copy = scratch.path + "/copy"
        try Program.succeed("cp", "-r", scratch.store, copy)
        defer { TestFiles.remove(copy) }
        return try remains.find(in: copy)
    }
}

/// A snapshot that another thread holds.
private final class HeldSnapshot: @unchecked Sendable {
    private let begun = DispatchSemaphore(value: 0)
    private let wanted = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    /// The semaphores hand over this closure and the result.
    private var last: (borrowing VectorStoreSnapshot<Int64>) throws -> Void = { _ in }
    private var result: Result<Void, any Error> = .success(())

    init(_ path: String) throws {
        let reader = try VectorStore<Int64>.open(at: path, access: .readOnly)
        Thread { [self] in
            result = Result {
                try reader.read { snapshot in
                    begun.signal()
                    wanted.wait()
                    try last(snapshot)
                }
            }
            ended.signal()
        }.start()
        begun.wait()
    }

    /// Calls `body` with the snapshot, and ends the snapshot.
    func release(_ body: @escaping (borrowing VectorStoreSnapshot<Int64>) throws -> Void) throws {
        last = body
        wanted.signal()
        ended.wait()
        try result.get()
    }
}
