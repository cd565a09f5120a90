import Dispatch
import Foundation
import Lacuna
import Synchronization
import TestSupport
import Testing

/// Calls that await do the same as those that block, on threads of the store's own.
@Suite(.timeLimit(.minutes(40))) struct AsyncCallTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    struct Note: Codable, Equatable { var title: String }

    init() async throws {
        scratch = try Scratch()
        store = try await VectorStore.create(at: scratch.store, configuration: .init(dimension: 2, metric: .dot))
    }

    @Test func rowsComeAndGo() async throws {
        try await store.put([1, 0], for: 1, metadata: Note(title: "one"))
        try await store.put([2, 0], for: 2, metadataJSON: #"{"title":"two"}"#)
        let count = try await store.write { batch in
            for id in Int64(3)...9 { try batch.put([Float(id), 0], for: id) }
            batch.delete(3)
            return 6
        }
        #expect(try await store.ids().count == 2 + count)
        #expect(try await store.vector(for: 2) == [2, 0])
        #expect(try await store.withVector(for: 2) { $0[0] } == 2)
        await #expect(throws: VectorStoreError.self) {
            try await store.withVector(for: 2, as: Int8.self) { $0[0] }
        }
        #expect(try await store.metadata(for: 1) == Note(title: "one"))
        try await store.patchMetadata(["title": "eins"], for: 1)
        #expect(try await store.metadataJSON(for: 1) == #"{"title":"eins"}"#)
        #expect(try await store.delete(4))
        #expect(try await !store.contains(4))
        #expect(try await store.delete(where: .id > 7) == 2)
        try await store.compact(.rewrite)
        #expect(try await store.verify().isSound)
        let ids = try await store.read { try $0.ids() }
        #expect(ids == [1, 2, 5, 6, 7])
        try await store.close()
        await #expect(throws: VectorStoreError.self) { try await store.ids() }
    }

    @Test func searchesFindTheSame() async throws {
        try await store.write { batch in
            for id in Int64(0)..<100 { try batch.put([Float(id), 1], for: id, metadataJSON: #"{"n":\#(id % 7)}"#) }
        }
        let blocking = try await onThread { [store] in
            try store.search(for: [1, 0], limit: 5, where: .field("n") == 3)
        }
        #expect(try await store.search(for: [1, 0], limit: 5, where: .field("n") == 3) == blocking)
        #expect(blocking.map(\.id) == [94, 87, 80, 73, 66])
        #expect(try await store.search(forEach: [[1, 0], [-1, 0]], limit: 1).map { $0[0].id } == [99, 0])
    }

    /// Only the thread of the task itself sees this.
    @TaskLocal private static var isOwnThread = false

    /// Reads by id, and searches of few rows without conditions, don't wake a thread.
    @Test func shortReadsRunOnTheThreadOfTheirTask() async throws {
        let isSeen = Mutex<Bool?>(nil)
        let options = VectorStoreOptions(shouldCancel: {
            isSeen.withLock { $0 = Self.isOwnThread }
            return false
        })
        for (rows, limit) in [(1, true), (80, false)] {
            let path = scratch.path + "/\(rows)"
            let store = try await VectorStore<Int64>.create(
                at: path,
                configuration: .init(dimension: 65_536, metric: .dot),
                options: options
            )
            let row = [Float](repeating: 1, count: 65_536)
            try await store.write { batch in for id in 1...Int64(rows) { try batch.put(row, for: id) } }
            let search = SearchOptions<Int64>(threads: 1)
            // The first search counts the rows.
            _ = try await store.search(for: row, limit: 1, options: search)
            try await Self.$isOwnThread.withValue(true) {
                #expect(try await store.search(for: row, limit: 1, options: search).map(\.id) == [1])
                #expect(isSeen.withLock { $0 } == limit)
                _ = try await store.search(for: row, limit: 1, where: .id == 1, options: search)
                #expect(isSeen.withLock { $0 } == false)
            }
            try await store.close()
        }
    }

    /// A search that is alone takes all cores, and one beside others its share of them.
    @Test func searchesShareTheCores() async throws {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let wide = try await VectorStore<Int64>.create(
            at: scratch.path + "/wide",
            configuration: .init(dimension: 65_536, metric: .dot)
        )
        let row = [Float](repeating: 1, count: 65_536)
        try await wide.write { batch in for id in 0..<Int64(4 * cores) { try batch.put(row, for: id) } }
        func threads() async throws -> Int { try await wide.explainedSearch(forEach: [row], limit: 1).report.threads }
        #expect(try await threads() == cores)

        let others = (1..<cores).map { _ in (begun: DispatchSemaphore(value: 0), end: DispatchSemaphore(value: 0)) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for other in others {
                group.addTask {
                    try await wide.read { _ in
                        other.begun.signal()
                        other.end.wait()
                    }
                }
            }
            try await onThread { for other in others { other.begun.wait() } }
            #expect(try await threads() == 1)
            for other in others { other.end.signal() }
            try await group.waitForAll()
        }
    }

    /// A closure's result need not be `Sendable`.
    @Test func resultsAreSent() async throws {
        final class Ids { var all: [Int64] = [] }
        try await store.put([1, 0], for: 5)
        let ids = try await store.read { snapshot in
            let ids = Ids()
            ids.all = try snapshot.ids()
            return ids
        }
        #expect(ids.all == [5])
    }

    /// The call has let the store go when its task goes on.
    @Test func theStoreIsReleasedBefore() async throws {
        for id in Int64(0)..<200 {
            let store = try await VectorStore<Int64>.open(at: scratch.path + "/other", configuration: id)
            try await store.put([1, 2], for: id)
        }
    }

    @Test func errorsAreTheStores() async throws {
        let error = await #expect(throws: VectorStoreError.self) { try await store.put([1], for: 1) }
        #expect(error?.code == .invalidVector)
        struct Stop: Error {}
        await #expect(throws: Stop.self) { try await store.write { _ in throw Stop() } }
    }
}

extension VectorStore {
    /// Makes the store the first time.
    fileprivate static func open(at path: String, configuration number: Int64) async throws -> VectorStore {
        try await number == 0 ? create(at: path, configuration: .init(dimension: 2)) : open(at: path)
    }
}

/// A task that is cancelled goes on at once if its call waits, and soon if it works.
@Suite(.timeLimit(.minutes(40))) struct AsyncCancellationTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try VectorStore.create(at: scratch.store, configuration: .init(dimension: 2))
        try store.write { batch in for id in Int64(0)..<5_000 { try batch.put([1, Float(id)], for: id) } }
    }

    /// Holds the turn to write until `body` returns.
    private func whileATurnIsHeld(_ body: () async throws -> Void) async throws {
        let (begins, hasBegun) = AsyncStream<Void>.makeStream()
        let mayEnd = DispatchSemaphore(value: 0)
        let holder = Task { [store] in
            try await onThread {
                try store.write { batch in
                    try batch.put([1, 1], for: 10_000)
                    hasBegun.finish()
                    mayEnd.wait()
                }
            }
        }
        for await _ in begins {}
        do { try await body() } catch {
            mayEnd.signal()
            throw error
        }
        mayEnd.signal()
        try await holder.value
    }

    /// Nothing of a write that was cancelled while it waited for its turn happens, and its thread, which goes on waiting,
    /// commits what others have written.
    @Test func waitingForATurn() async throws {
        var others: [Task<Void, any Error>] = []
        try await whileATurnIsHeld {
            others = (Int64(10_001)...10_008).map { id in Task { [store] in try await store.put([1, 1], for: id) } }
            let puts = (Int64(20_000)..<20_010).map { id in Task { [store] in try await store.put([1, 1], for: id) } }
            for put in puts { put.cancel() }
            for put in puts { await #expect(throws: CancellationError.self) { try await put.value } }
        }
        for other in others { try await other.value }
        #expect(try await store.ids(where: .id >= 10_000) == Array(10_000...10_008))
        #expect(try await store.verify().isSound)
    }

    /// More calls wait than there are threads.
    @Test func waitingForAThread() async throws {
        let mayEnd = DispatchSemaphore(value: 0)
        let (begins, hasBegun) = AsyncStream<Void>.makeStream()
        let limit = max(4, ProcessInfo.processInfo.activeProcessorCount)
        let running = Guarded((now: 0, most: 0))
        let reads = (0..<2 * limit).map { _ in
            Task { [store] in
                try await store.read { _ in
                    let now = running.withLock { running in
                        running.now += 1
                        running.most = max(running.most, running.now)
                        return running.now
                    }
                    if now == limit { hasBegun.finish() }
                    mayEnd.wait()
                    running.withLock { $0.now -= 1 }
                }
            }
        }
        for await _ in begins {}
        let late = Task { [store] in try await store.search(for: [1, 1], limit: 1) }
        late.cancel()
        await #expect(throws: CancellationError.self) { try await late.value }
        for _ in reads { mayEnd.signal() }
        for read in reads { try await read.value }
        #expect(running.withLock { $0.most } == limit)
    }

    /// The filter alone would take a month. The task is cancelled after SQLite has asked for the first time.
    @Test func whileAFilterIsEvaluated() async throws {
        let (begins, hasBegun) = AsyncStream<Void>.makeStream()
        let isSearching = Guarded(false)
        let options = VectorStoreOptions(shouldCancel: {
            if isSearching.withLock({ $0 }) { hasBegun.finish() }
            return false
        })
        let reader = try await VectorStore<Int64>.open(at: scratch.store, access: .readOnly, options: options)
        isSearching.withLock { $0 = true }
        let search = Task {
            try await reader.search(for: [1, 1], limit: 1, where: Filter(sql: FilterLimitTests.endless))
        }
        for await _ in begins {}
        search.cancel()
        await #expect(throws: CancellationError.self) { try await search.value }
        #expect(try await reader.count(where: .id < 3) == 3)
    }

    /// The handle's own end of reads isn't the task's.
    @Test func cancelledByTheHandle() async throws {
        let reader = try await VectorStore<Int64>.open(
            at: scratch.store,
            access: .readOnly,
            options: .init(shouldCancel: { true })
        )
        let error = await #expect(throws: VectorStoreError.self) { try await reader.search(for: [1, 1], limit: 1) }
        #expect(error?.code == .cancelled)
    }

    /// A task that was cancelled puts things in order before it ends.
    @Test func whatACancelledTaskDoesLast() async throws {
        func cancelled(_ body: @escaping @Sendable () async throws -> Void) async throws {
            let task = Task {
                while !Task.isCancelled { await Task.yield() }
                try await body()
            }
            task.cancel()
            try await task.value
        }
        let path = scratch.path + "/relaxed"
        let store = try await VectorStore<Int64>.create(
            at: path,
            configuration: .init(dimension: 1),
            options: .init(durability: .relaxed(interval: .seconds(3_600)))
        )
        try await store.put([1], for: 1)
        try await cancelled { try await store.flush() }
        let reader = try await VectorStore<Int64>.open(at: path, access: .readOnly)
        #expect(try await reader.contains(1))
        try await cancelled { try await store.suspend(within: .seconds(300)) }
        try await VectorStore<Int64>.open(at: path).close()
        try await cancelled { try await store.resume() }
        #expect(try await store.contains(1))
        try await cancelled { try await store.close() }
        try await VectorStore<Int64>.open(at: path).close()
    }

    /// A change that was begun ends as usual.
    @Test func afterTheBeginning() async throws {
        let (begins, hasBegun) = AsyncStream<Void>.makeStream()
        let mayEnd = DispatchSemaphore(value: 0)
        let write = Task { [store] in
            try await store.write { batch in
                try batch.put([1, 1], for: 30_000)
                hasBegun.finish()
                mayEnd.wait()
            }
        }
        for await _ in begins {}
        write.cancel()
        mayEnd.signal()
        try await write.value
        #expect(try await store.contains(30_000))
    }
}
