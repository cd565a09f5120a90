import Foundation
import Lacuna
import Synchronization
import TestSupport
import Testing

private struct Stop: Error {}

/// Opening, closing, one writer at a time, and calls from inside the store's own closures.
@Suite(.timeLimit(.minutes(40))) struct LifecycleTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func create() throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2, metric: .dot))
        try store.write { batch in
            for id in Int64(1)...20 { try batch.put([Float(id), 1], for: id, metadataJSON: "{\"n\":\(id)}") }
        }
        return store
    }

    // MARK: One writer

    @Test func aSecondHandleIsLockedOut() throws {
        let store = try create()
        expectError(.locked) { try VectorStore<Int64>.open(at: scratch.store) }
        expectError(.locked) { try VectorStoreRecovery.recover(at: scratch.store) }
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try store.put([0, 0], for: 99)
        #expect(try reader.vector(for: 99) == [0, 0])
        try store.close()
        let next = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try next.count == 21)
    }

    @Test(.enabled(if: Program("flock").isInstalled, "needs flock(1)"))
    func anotherProcessAndThisOneExcludeEachOther() throws {
        var store: VectorStore<Int64>? = try create()
        let lock = scratch.file("writer.lock")
        #expect(try Program("flock").run(["-n", "-x", lock, "true"]).status == 1)
        store = nil
        #expect(store == nil)
        #expect(try Program("flock").run(["-n", "-x", lock, "true"]).status == 0)
        let holder = try Program("flock").start(["-x", lock, "sh", "-c", "echo held; cat"])
        #expect(try holder.readLine() == "held")
        expectError(.locked) { try VectorStore<Int64>.open(at: scratch.store) }
        #expect(try VectorStore<Int64>.open(at: scratch.store, access: .readOnly).count == 20)
        #expect(try holder.finish().status == 0)
        #expect(try VectorStore<Int64>.open(at: scratch.store).count == 20)
    }

    @Test func aHandleThatIsLetGoReleasesTheLock() throws {
        do { _ = try create() }
        for _ in 0..<3 {
            let store = try VectorStore<Int64>.open(at: scratch.store)
            #expect(try store.count == 20)
        }
        #expect(try VectorStore<Int64>.open(at: scratch.store).ids().count == 20)
    }

    /// Until a forked child runs its program, it holds a second descriptor of the same lock.
    @Test(.enabled(if: exists("/proc/self/fd"), "needs /proc")) func aForkedChildKeepsNoLock() throws {
        let store = try create()
        let names = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")
        let lock = try #require(
            names.first {
                let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
                return path?.hasSuffix("\(scratch.store)/writer.lock") == true
            }
        )
        let child = dup(try #require(Int32(lock)))
        defer { close(child) }
        try store.close()
        #expect(try VectorStore<Int64>.open(at: scratch.store).count == 20)
    }

    @Test func aRefusedOpeningReleasesTheLock() throws {
        try create().close()
        expectError(.invalidID) { try VectorStore<String>.open(at: scratch.store) }
        #expect(try VectorStore<Int64>.open(at: scratch.store).count == 20)
    }

    // MARK: Closing

    @Test func aClosedStoreRefusesEverything() throws {
        let store = try create()
        try store.close()
        try store.close()
        expectError(.closed) { try store.count }
        expectError(.closed) { try store.info }
        expectError(.closed) { try store.ids() }
        expectError(.closed) { try store.vector(for: 1) }
        expectError(.closed) { try store.withVector(for: 1) { _ in } }
        expectError(.closed) { try store.contains(1) }
        expectError(.closed) { try store.metadataJSON(for: 1) }
        expectError(.closed) { try store.forEach { _ in } }
        expectError(.closed) { try store.search(for: [1, 2], limit: 1) }
        expectError(.closed) { try store.space }
        expectError(.closed) { try store.fragmentation }
        expectError(.closed) { try store.verify() }
        expectError(.closed) { try store.compactionPlan() }
        expectError(.closed) { try store.put([1, 2], for: 100) }
        expectError(.closed) { try store.delete(1) }
        expectError(.closed) { try store.delete([1, 2]) }
        expectError(.closed) { try store.setMetadataJSON("{}", for: 1) }
        expectError(.closed) { try store.write { _ in } }
        expectError(.closed) { try store.compact() }
        expectError(.closed) { try store.compact(.punch) }
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try reader.close()
        expectError(.closed) { try reader.count }
    }

    @Test func closingLeavesNoLogBehind() throws {
        let store = try create()
        #expect(try store.count == 20)
        try store.close()
        #expect(
            try scratch.names()
                == ["index.sqlite", "readers-0.lock", "readers-1.lock", "vectors-1.f32", "writer.lock"]
        )
    }

    @Test func aReadingHandleRefusesToWrite() throws {
        try create().close()
        let before = try scratch.contents()
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(reader.isReadOnly)
        expectError(.readOnly) { try reader.put([1, 2], for: 100) }
        expectError(.readOnly) { try reader.delete(1) }
        expectError(.readOnly) { try reader.write { _ in } }
        expectError(.readOnly) { try reader.compact() }
        #expect(try reader.verify().isSound)
        try reader.close()
        #expect(try scratch.contents()["vectors-1.f32"] == before["vectors-1.f32"])
        #expect(try scratch.contents()["index.sqlite"] == before["index.sqlite"])
    }

    // MARK: Calls from inside closures

    /// Each of these calls would wait for its own thread.
    private func expectReentrantCalls(_ store: VectorStore<Int64>) {
        expectError(.reentrantCall) { try store.put([1, 2], for: 500) }
        expectError(.reentrantCall) { try store.delete(1) }
        expectError(.reentrantCall) { try store.delete([1]) }
        expectError(.reentrantCall) { try store.setMetadataJSON("{}", for: 1) }
        expectError(.reentrantCall) { try store.write { _ in } }
        expectError(.reentrantCall) { try store.compact(.rewrite) }
        expectError(.reentrantCall) { try store.compact(.punch) }
        expectError(.reentrantCall) { try store.close() }
    }

    @Test func writingInsideAReadIsAnError() throws {
        let store = try create()
        let vector = try store.withVector(for: 1) { row in
            expectReentrantCalls(store)
            let inner = try store.withVector(for: 2) { $0[0] }
            #expect(inner == 2)
            let matches = try store.search(for: [1, 1], limit: 1)
            #expect(matches.map(\.id) == [20])
            expectReentrantCalls(store)
            return row[0]
        }
        #expect(vector == 1)
        var rows = 0
        try store.forEach { _ in
            rows += 1
            if rows == 1 { expectReentrantCalls(store) }
        }
        #expect(rows == 20)
        #expect(try store.count == 20)
        try store.put([1, 2], for: 500)
    }

    @Test func writingInsideAWriteIsAnError() throws {
        let store = try create()
        try store.write { batch in
            try batch.put([5, 5], for: 300)
            expectReentrantCalls(store)
            try store.withVector(for: 1) { _ in expectReentrantCalls(store) }
            try batch.put([6, 6], for: 301)
        }
        #expect(try store.ids() == Array(1...20) + [300, 301])
    }

    /// No lock is held while a compaction reports its progress, but it can't wait for itself.
    @Test func insideProgressOneMayWriteButNotCompact() throws {
        let store = try create()
        try store.delete(1)
        var calls: Int64 = 0
        try store.compact(.rewrite, .small(rows: 5, dimension: 2)) { _ in
            calls += 1
            try store.put([Float(calls), 0], for: 1_000 + calls)
            expectError(.reentrantCall) { try store.compact(.rewrite) }
            expectError(.reentrantCall) { try store.compact(.punch) }
            expectError(.reentrantCall) { try store.close() }
        }
        #expect(calls > 4)
        #expect(try store.count == 19 + Int(calls))
        #expect(try store.vector(for: 1_000 + calls) == [Float(calls), 0])
    }

    @Test func writingInsideVerifyIsAnError() throws {
        let store = try create()
        var calls = 0
        _ = try store.verify { _ in
            calls += 1
            expectReentrantCalls(store)
        }
        #expect(calls > 0)
    }

    /// Another store has its own locks.
    @Test func anotherStoreMayBeWrittenInside() throws {
        let store = try create()
        let other = try Scratch()
        let target = try VectorStore<Int64>.create(at: other.store, configuration: .init(dimension: 2))
        try store.forEach { try target.put($0.vector, for: $0.id) }
        #expect(try target.count == 20)
    }

    @Test func errorsOfClosuresComeOut() throws {
        let store = try create()
        #expect(throws: Stop.self) { try store.withVector(for: 1) { _ in throw Stop() } }
        #expect(throws: Stop.self) { try store.forEach { _ in throw Stop() } }
        #expect(throws: Stop.self) { try store.verify { _ in throw Stop() } }
        try store.close()
    }

    @Test func appsShowTheMessage() throws {
        let store = try create()
        do { try store.put([1, 2, 3], for: 99) } catch {
            #expect(error.localizedDescription == "\(error)")
            #expect(error.failureReason == error.problem && error.recoverySuggestion == "\(error.remedy)")
            return
        }
        Issue.record("the vector was taken")
    }

    // MARK: The stored configuration

    @Test func theConfigurationIsStored() throws {
        try create().close()
        let info = try VectorStoreInfo.read(at: scratch.store)
        #expect(info.dimension == 2 && info.metric == .dot && info.idKind == .integer && info.generation == 1)
        let store = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try store.info.uuid == info.uuid)
        #expect(try store.info.dimension == 2)
        expectError(.invalidVector) { try store.put([1, 2, 3, 4], for: 100) }
        #expect(try store.search(for: [1, 0], limit: 1).map(\.distance) == [-20])
    }
}
