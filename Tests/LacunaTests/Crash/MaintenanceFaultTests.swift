import Foundation
import Synchronization
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

// Bugs that a review found in compactions beside writers. Each of these tests has failed once.

/// The system's file system, in which an operation on a data file may fail with an errno.
private struct OneFault: FileSystemLayer {
    typealias Fault = @Sendable (_ kind: String, _ path: String, _ offset: Int64) -> Int32?

    private final class Faults: Sendable {
        let fault = Guarded<Fault?>(nil)
        let names = Guarded<[Int32: String]>([:])
        let failures = Atomic(0)
    }

    private let faults = Faults()

    var hasFailed: Bool { faults.failures.load(ordering: .relaxed) > 0 }

    func set(_ fault: Fault?) { faults.fault.withLock { $0 = fault } }

    /// Makes the next write beyond `end` meet a full disk, and no other.
    func failNextAppend(beyond end: Int64) {
        set { [weak faults] kind, _, offset in
            kind == "write" && offset >= end && faults?.failures.load(ordering: .relaxed) == 0 ? ENOSPC : nil
        }
    }

    private func ask(_ kind: String, _ descriptor: Int32, _ offset: Int64) throws(SystemError) {
        let name = faults.names.withLock { $0[descriptor] } ?? "?"
        guard let errno = faults.fault.withLock({ $0?(kind, name, offset) }) else { return }
        faults.failures.add(1, ordering: .relaxed)
        throw SystemError(errno: errno, call: kind, path: name)
    }

    func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
        let descriptor = try below.open(name, in: directory, access)
        faults.names.withLock { $0[descriptor] = name }
        return descriptor
    }

    func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        try ask("read", descriptor, offset)
        return try unsafe below.read(descriptor, into: buffer, at: offset)
    }

    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        try ask("write", descriptor, offset)
        return try unsafe below.write(descriptor, bytes, at: offset)
    }

    func sync(_ descriptor: Int32) throws(SystemError) {
        try ask("sync", descriptor, 0)
        try below.sync(descriptor)
    }
}

@Suite struct MaintenanceFaultTests {
    private struct Stop: Error {}
    private static let dimension = 4
    private static let stride = Int64(16)
    private static let end = 4_096 + 200 * stride

    private func vector(_ id: Int64) -> [Float] { [Float(id), Float(id) + 0.5, 1, 2] }

    private func make(_ scratch: Scratch, _ fs: OneFault, _ durability: Durability = .full) throws -> VectorStore<Int64>
    {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension, metric: .dot),
            fileSystem: fs,
            options: .init(durability: durability)
        )
        try store.write { batch in for id in 0..<200 { try batch.put(vector(Int64(id)), for: Int64(id)) } }
        try store.delete((0..<200).filter { $0 % 2 == 0 }.map { Int64($0) })
        return store
    }

    private func expectRows(_ store: VectorStore<Int64>) throws {
        var wrong: [Int64] = []
        for id in Swift.stride(from: Int64(1), to: 200, by: 2) where try store.vector(for: id) != vector(id) {
            wrong.append(id)
        }
        #expect(wrong.isEmpty, "wrong rows: \(wrong)")
        #expect(try store.verify().isSound)
    }

    private let small = MaintenanceLimits.small(rows: 8, dimension: 4)

    /// An error that a closure throws must not look like a batch that failed: the batch's gaps were filled again, with
    /// other rows.
    @Test func aProgressClosureThatMeetsAFullDisk() throws {
        let scratch = try Scratch()
        let store = try make(scratch, OneFault())
        var didThrow = false
        var err: (any Error)?
        do {
            try store.compact(.inPlace, small) { progress in
                if progress.done >= 8 && !didThrow {
                    didThrow = true
                    // As `store.put` throws it here.
                    throw VectorStoreError(.diskFull, "no space left for what the closure wrote")
                }
            }
        } catch { err = error }
        #expect(didThrow)
        #expect(err != nil, "the closure's error was swallowed")
        try expectRows(store)
    }

    /// If a turn couldn't commit relaxed writes, some call says so, and the compaction itself doesn't fail.
    @Test func aGroupThatIsLostInAMove() throws {
        let scratch = try Scratch()
        let fs = OneFault()
        let store = try make(scratch, fs, .relaxed(interval: .seconds(3_600)))
        try store.flush()
        var hasPut = false
        var err: (any Error)?
        do {
            try store.compact(.inPlace, small) { progress in
                if progress.done >= 8 && !hasPut {
                    hasPut = true
                    try store.put(vector(9_999), for: 9_999)
                    fs.failNextAppend(beyond: Self.end)
                }
            }
        } catch { err = error }
        do { try store.flush() } catch { err = error }
        #expect(hasPut && fs.hasFailed)
        #expect(try err != nil || store.vector(for: 9_999) != nil, "lost, and nobody was told")
        try expectRows(store)
    }

    /// They must not be lost either, or leave the staging under way, when a stopped compaction puts things in order.
    @Test(arguments: [CompactionStrategy.rewrite, .inPlace]) func aGroupThatIsLostInAnAbort(
        _ strategy: CompactionStrategy
    ) throws {
        let scratch = try Scratch()
        let fs = OneFault()
        let store = try make(scratch, fs, .relaxed(interval: .seconds(3_600)))
        try store.flush()
        var hasPut = false
        var err: VectorStoreError?
        do {
            try store.compact(strategy, small) { progress in
                if progress.done >= 8 && !hasPut {
                    hasPut = true
                    try store.put(vector(9_999), for: 9_999)
                    fs.failNextAppend(beyond: Self.end)
                    throw Stop()
                }
            }
        } catch { err = error as? VectorStoreError }
        do { try store.flush() } catch { err = error }
        #expect(hasPut && fs.hasFailed)
        #expect(try err != nil || store.vector(for: 9_999) != nil, "lost, and nobody was told")
        try store.put(vector(8_888), for: 8_888)
        try store.flush()
        let stale = try rawConnection(scratch.index).value("SELECT count(*) FROM vectors WHERE generation = 0")
        #expect(stale == .integer(0), "staging is still active with nothing under way: \(stale)")
        try expectRows(store)
    }

    /// An error of a closure is no obstacle because of which an erasure stays pending.
    @Test func resumingAnErasureSwallowsTheClosuresError() throws {
        let scratch = try Scratch()
        let store = try make(scratch, OneFault())
        #expect(throws: Stop.self) { try store.erase([1], small) { _ in throw Stop() } }
        var err: (any Error)?
        do {
            try store.compact(.rewrite, small) { _ in throw VectorStoreError(.busy, "the closure's own") }
        } catch { err = error }
        #expect(err != nil, "the closure's error was swallowed")
    }

    /// A rewrite's target is not part of the store yet.
    @Test func anErrorOfARewritesTargetLeavesTheHandleUsable() throws {
        let scratch = try Scratch()
        let fs = OneFault()
        let store = try make(scratch, fs)
        var hasPut = false
        var err: (any Error)?
        do {
            try store.compact(.rewrite, small) { progress in
                if progress.done == 100 && !hasPut {
                    hasPut = true
                    try store.put(vector(7_777), for: 7_777)
                    fs.set { kind, name, offset in kind == "write" && name.hasSuffix("vectors-2.f32") ? EIO : nil }
                }
            }
        } catch { err = error }
        fs.set(nil)
        #expect(hasPut && err != nil)
        #expect(throws: Never.self) { try store.put(vector(6_666), for: 6_666) }
    }

    /// A failed read damages nothing.
    @Test func anUnreadableRowLeavesTheHandleUsable() throws {
        let scratch = try Scratch()
        let fs = OneFault()
        let store = try make(scratch, fs)
        fs.set { kind, _, offset in kind == "read" && offset >= Self.end - Self.stride * 4 ? EIO : nil }
        #expect(throws: VectorStoreError.self) { try store.compact(.inPlace, small) }
        fs.set(nil)
        #expect(throws: Never.self) { try store.put(vector(6_666), for: 6_666) }
    }

    /// An error of another store's disk doesn't concern this store.
    @Test func aClosuresOwnIOErrorLeavesTheHandleUsable() throws {
        let scratch = try Scratch()
        let store = try make(scratch, OneFault())
        #expect(throws: VectorStoreError.self) {
            try store.compact(.inPlace, small) { _ in throw VectorStoreError(.ioError, "another store's disk") }
        }
        #expect(throws: Never.self) { try store.put(vector(6_666), for: 6_666) }
    }

    /// The journal keeps the reason why a compaction was stopped, but no ids.
    @Test func idsInTheJournalsErrors() throws {
        let scratch = try Scratch()
        do {
            let store = try VectorStore<String>.create(
                at: scratch.store,
                configuration: .init(dimension: 4, metric: .dot)
            )
            for id in ["keep", "dead", "secret-person"] { try store.put([1, 2, 3, 4], for: id) }
            try store.delete("dead")
            try store.close()
        }
        try edit(scratch.file("vectors-1.f32")) { handle in
            try handle.seek(toOffset: 4_096 + 32)
            try handle.write(contentsOf: [UInt8](repeating: 9, count: 4))
        }
        let store = try VectorStore<String>.open(at: scratch.store)
        #expect(throws: VectorStoreError.self) { try store.compact(.rewrite) }
        try store.erase(["secret-person"])
        try store.close()
        let bytes = [UInt8](try read(scratch.index))
        let found = bytes.indices.contains { bytes[$0...].starts(with: "secret-person".utf8) }
        #expect(!found, "an erased id is still in index.sqlite")
    }

    /// The bug: the erasure followed the growing tail while somebody wrote.
    @Test func erasingBesideAWriterEnds() throws {
        let scratch = try Scratch()
        let store = try make(scratch, OneFault())
        var calls = 0
        try store.erase([1], small) { _ in
            calls += 1
            if calls > 20_000 { throw Stop() }
            if calls > 30 {
                try store.write { b in
                    for i in 0..<40 { try b.put(vector(1), for: Int64(calls) * 100 + 1_000_000 + Int64(i)) }
                }
            }
        }
        #expect(calls < 20_000)
    }

    /// The bug: beside short reads without a break, the batches grew with every attempt to cut the file, until the
    /// number overflowed.
    @Test func shortReadsWithoutABreakDuringACut() throws {
        let scratch = try Scratch()
        let store = try make(scratch, OneFault())
        let threads = (0..<8).map { _ in
            Thread {
                while !Self.stop.load(ordering: .relaxed) { _ = try? store.read { _ in usleep(30_000) } }
            }
        }
        for thread in threads { thread.start() }
        defer { Self.stop.store(true, ordering: .relaxed) }
        do { try store.compact(.inPlace) } catch let error as VectorStoreError {
            #expect(error.code == .busy, "\(error)")
        }
        try expectRows(store)
    }
    private static let stop = Atomic(false)

    /// The bug: a lost group was mistaken for an obstacle to the erasure that a compaction completes first.
    @Test func aGroupThatIsLostWhileAnErasureIsResumed() throws {
        let scratch = try Scratch()
        let fs = OneFault()
        let store = try make(scratch, fs, .relaxed(interval: .seconds(3_600)))
        try store.flush()
        #expect(throws: Stop.self) { try store.erase([1], small) { _ in throw Stop() } }
        var hasPut = false
        var err: (any Error)?
        do {
            try store.compact(.rewrite, small) { progress in
                if !hasPut {
                    hasPut = true
                    try store.put(vector(9_999), for: 9_999)
                    fs.failNextAppend(beyond: Self.end)
                }
            }
        } catch { err = error }
        do { try store.flush() } catch { err = error }
        #expect(hasPut && fs.hasFailed)
        #expect(try err != nil || store.vector(for: 9_999) != nil, "lost, and nobody was told")
    }

    /// The same if gaps were punched, and would have been punched again.
    @Test func aProgressClosureThatMeetsAFullDiskAfterPunching() throws {
        let scratch = try Scratch()
        let dimension = 1_024
        func v(_ id: Int64) -> [Float] { Array(repeating: Float(id), count: dimension) }
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: dimension, metric: .dot)
        )
        try store.write { b in for id in 0..<100 { try b.put(v(Int64(id)), for: Int64(id)) } }
        try store.delete((0..<50).map { Int64($0) })
        try store.compact(.punch)
        var didThrow = false
        expectError(.diskFull) {
            try store.compact(.inPlace, .small(rows: 8, dimension: dimension)) { progress in
                if progress.done < 8 || didThrow { return }
                didThrow = true
                throw VectorStoreError(.diskFull, "full")
            }
        }
        #expect(didThrow)
        let wrong = try (50..<100).filter { try store.vector(for: Int64($0)) != v(Int64($0)) }
        #expect(wrong.isEmpty, "wrong \(wrong)")
    }
}
