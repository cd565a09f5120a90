import Foundation
import Testing

@testable import Lacuna

/// Compactions that are iterated. At one byte per second a compaction never ends by itself.
@Suite(.timeLimit(.minutes(40))) struct CompactionUpdatesTests {
    let scratch: Scratch
    /// 100 rows of 4 KiB, half of them dead: one batch, or three at a low rate.
    let store: VectorStore<Int64>

    private static let endless = MaintenanceOptions(maxBytesPerSecond: 1)

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 1_024))
        try Self.fill(store)
    }

    private static func fill(_ store: VectorStore<Int64>) throws {
        try store.write { batch in
            for id in Int64(0)..<100 { try batch.put([Float](repeating: Float(id), count: 1_024), for: id) }
        }
        try store.delete(Array(0..<50))
    }

    private var history: [[SQLValue]] {
        get throws {
            try rawConnection(scratch.index).rows(2, "SELECT strategy, state FROM compaction_history ORDER BY id")
        }
    }

    // MARK: To the end

    @Test func progressThenTheReportThenNothing() async throws {
        var done: [Int] = []
        var reports: [CompactionReport] = []
        var iterator = store.compactionUpdates(.rewrite).makeAsyncIterator()
        while let update = try await iterator.next() {
            switch update {
            case .progress(let progress):
                #expect(reports.isEmpty)
                done.append(progress.done)
            case .finished(let report): reports.append(report)
            }
        }
        #expect(try await iterator.next() == nil)
        #expect(done == done.sorted() && done.allSatisfy { $0 <= 50 })
        let report = try #require(reports.first)
        #expect(reports.count == 1 && report.strategy == .rewrite && report.movedRows == 50 && report.liveRows == 50)
        #expect(try await store.verify().isSound)
        #expect(try await store.vector(for: 99)?.first == 99)
    }

    @Test func eachIteratorIsACompaction() async throws {
        let updates = store.compactionUpdates(.rewrite)
        for _ in 0..<2 {
            for try await _ in updates {}
            try await store.delete(try #require(store.ids().first))
        }
        #expect(try history == [["rewrite", "finished"], ["rewrite", "finished"]])
        let report = try await store.compact(.rewrite)
        #expect(report.movedRows == 48 && report.generation == 4)
    }

    @Test func nothingHappensBeforeItIsIterated() throws {
        _ = store.compactionUpdates(.rewrite)
        try store.close()
        #expect(try history == [])
    }

    @Test func errorsComeOut() async throws {
        try edit(scratch.file("vectors-1.f32")) { file in
            try file.seek(toOffset: 4_096 + 70 * 4_096)
            try file.write(contentsOf: Data([1, 2, 3]))
        }
        let damage = await #expect(throws: VectorStoreError.self) { try await store.compact(.rewrite) }
        #expect(damage?.code == .damaged && damage?.ids == ["70"])
        let options = MaintenanceOptions(maxBytesPerSecond: 0)
        let refusal = await #expect(throws: VectorStoreError.self) {
            try await store.compact(.auto, options: options)
        }
        #expect(refusal?.code == .invalidArgument)
        // An error is told once; then there is nothing more to tell.
        var iterator = store.compactionUpdates(.rewrite, options: options).makeAsyncIterator()
        await #expect(throws: VectorStoreError.self) { try await iterator.next() }
        #expect(try await iterator.next() == nil)
        let reader = try await VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let readOnly = await #expect(throws: VectorStoreError.self) { try await reader.compact() }
        #expect(readOnly?.code == .readOnly)
    }

    /// A thread that runs a task's code has a current task; one that only compacts has none.
    @Test func theWorkIsOnNoCooperativeThread() async throws {
        let scratch = try Scratch()
        let tasks = Guarded<[Bool]>([])
        let files = HookedFileSystem { _ in
            let isInTask = unsafe withUnsafeCurrentTask { unsafe $0 != nil }
            tasks.withLock { $0.append(isInTask) }
        }
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1_024),
            fileSystem: files
        )
        try Self.fill(store)
        #expect(tasks.withLock { $0.allSatisfy { $0 } }, "the test itself is a task")
        tasks.withLock { $0 = [] }
        try await store.compact(.rewrite)
        #expect(tasks.withLock { !$0.isEmpty && !$0.contains(true) })
    }

    // MARK: Stopping

    /// When the task is told that the compaction ended, the target file is gone and the journal's entry closed: nothing
    /// runs on.
    @Test func cancellingEndsTheCompactionFirst() async throws {
        let (began, hasBegun) = AsyncStream<Void>.makeStream()
        let task = Task { [store] in
            for try await _ in store.compactionUpdates(.rewrite, options: Self.endless) { hasBegun.finish() }
        }
        for await _ in began {}
        #expect(exists(scratch.file("vectors-2.f32")))
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!exists(scratch.file("vectors-2.f32")))
        #expect(try history == [["rewrite", "aborted"]])
        #expect(try await store.compact(.rewrite).movedRows == 50)
    }

    /// The compaction is held inside an operation on a file, so it can't reach its next batch: the task must not be
    /// told that it has ended.
    @Test func cancellingWaitsForTheRealEnd() async throws {
        let scratch = try Scratch()
        let isInside = DispatchSemaphore(value: 0)
        let mayGoOn = DispatchSemaphore(value: 0)
        let wasTold = DispatchSemaphore(value: 0)
        let wasToldEarly = Guarded(true)
        let isHeld = Guarded(false)
        let files = HookedFileSystem { path in
            guard path.hasSuffix("vectors-2.f32"), isHeld.withLock({ $0 }) else { return }
            isInside.signal()
            mayGoOn.wait()
        }
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1_024),
            fileSystem: files
        )
        try Self.fill(store)
        isHeld.withLock { $0 = true }
        let task = Task {
            defer { wasTold.signal() }
            try await store.compact(.rewrite)
        }
        try await onThread {
            isInside.wait()
            task.cancel()
            // A task that doesn't wait for the end is told within this time; one that waits is never told in here.
            let result = wasTold.wait(timeout: .now() + .milliseconds(100))
            wasToldEarly.withLock { $0 = result == .success }
            mayGoOn.signal()
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(!wasToldEarly.withLock { $0 })
        #expect(try await store.verify().isSound)
    }

    @Test func aTaskThatIsCancelledAlreadyCompactsNothing() async throws {
        let task = Task { [store] in
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            try await store.compact(.rewrite, options: Self.endless)
        }
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try store.info.generation == 1)
        #expect(try await store.compact(.rewrite).movedRows == 50)
    }

    /// If the first compaction went on, the second would find the store busy.
    @Test func leavingTheLoopStopsIt() async throws {
        for try await _ in store.compactionUpdates(.rewrite, options: Self.endless) { break }
        let report = try await onThread { [store] in try store.compact(.rewrite) }
        #expect(report.movedRows == 50)
        #expect(try history == [["rewrite", "aborted"], ["rewrite", "finished"]])
    }

    @Test func closingTheStoreEndsIt() async throws {
        let (began, hasBegun) = AsyncStream<Void>.makeStream()
        let task = Task { [store] in
            for try await _ in store.compactionUpdates(.rewrite, options: Self.endless) { hasBegun.finish() }
        }
        for await _ in began {}
        try await onThread { [store] in try store.close() }
        let error = await #expect(throws: VectorStoreError.self) { try await task.value }
        #expect(error?.code == .closed)
    }

    // MARK: The handle

    /// The compaction keeps the store alive, and has released it before it reports its end: the writer's lock is free
    /// then.
    @Test func theStoreLivesAsLongAsTheCompaction() async throws {
        let scratch = try Scratch()
        var store: VectorStore<Int64>? = try await .create(at: scratch.store, configuration: .init(dimension: 1_024))
        try Self.fill(try #require(store))
        var iterator = store?.compactionUpdates(.rewrite).makeAsyncIterator()
        store = nil
        var report: CompactionReport?
        while let update = try await iterator?.next() {
            if case .finished(let last) = update { report = last }
        }
        #expect(report?.movedRows == 50)
        #expect(try await VectorStore<Int64>.open(at: scratch.store).count == 50)
    }

    /// The compaction is stopped and the store released at once, so the store closes on the compaction's own thread.
    @Test func theLastReferenceMayGoOnItsThread() async throws {
        let scratch = try Scratch()
        var store: VectorStore<Int64>? = try await .create(at: scratch.store, configuration: .init(dimension: 1_024))
        try Self.fill(try #require(store))
        weak let handle = store
        var iterator = store?.compactionUpdates(.rewrite, options: Self.endless).makeAsyncIterator()
        _ = try await iterator?.next()
        store = nil
        #expect(handle != nil)
        iterator = nil
        try await onThread {
            // The lock shows when the store has closed. That takes no longer than a batch, so this loop ends.
            while (try? VectorStore<Int64>.open(at: scratch.store)) == nil { usleep(1_000) }
        }
        #expect(handle == nil)
    }
}

/// The mailbox between the compacting thread and the task.
@Suite(.timeLimit(.minutes(40))) struct UpdateMailboxTests {
    private let mailbox = UpdateMailbox()

    private struct Failure: Error {}

    private static func progress(_ done: Int) -> MaintenanceProgress { MaintenanceProgress(done: done, total: 100) }

    private func expectProgress(_ done: Int) throws {
        guard case .update(.progress(Self.progress(done))) = try mailbox.take() else {
            Issue.record("no progress of \(done)")
            return
        }
    }

    private func expectNothing() throws {
        guard case .nothing = try mailbox.take() else {
            Issue.record("there is something")
            return
        }
    }

    @Test func newerProgressTakesThePlaceOfOlder() throws {
        try expectNothing()
        for done in 0..<100 { try mailbox.post(Self.progress(done)) }
        try expectProgress(99)
        try expectNothing()
        try mailbox.post(Self.progress(99))
        try expectNothing()
        try mailbox.post(Self.progress(100))
        mailbox.end(.failure(Failure()))
        try expectProgress(100)
        #expect(throws: Failure.self) { try mailbox.take() }
        guard case .end = try mailbox.take() else {
            Issue.record("there is something after the end")
            return
        }
    }

    @Test func onceStoppedThereIsOnlyTheEnd() throws {
        try mailbox.post(Self.progress(1))
        mailbox.stop()
        try expectNothing()
        #expect(throws: CancellationError.self) { try mailbox.post(Self.progress(2)) }
        mailbox.end(.failure(Failure()))
        #expect(throws: Failure.self) { try mailbox.take() }
    }

    @Test func everyListenerIsWoken() async throws {
        let mailbox = mailbox
        await withTaskGroup { group in
            for _ in 0..<8 { group.addTask { await mailbox.arrival() } }
            mailbox.end(.failure(Failure()))
        }
        await mailbox.arrival()
    }
}
