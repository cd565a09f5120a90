import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// A suspended handle has no lock on any file of its store: an app that is suspended with one, in a shared container, is
/// killed (0xdead10cc).
@Suite(.timeLimit(.minutes(40))) struct SuspensionTests {
    private static let dimension = 8
    private static let rows: Int64 = 1_000
    /// No test waits for so long, unless it fails.
    private static let long = Duration.seconds(300)

    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private static func vector(_ id: Int64) -> [Float] { (0..<dimension).map { Float(Int(id) * 7 % 101 + $0) } }

    private func create(_ options: VectorStoreOptions = .init()) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension, metric: .euclidean),
            options: options
        )
        try store.write { batch in
            for id in 0..<Self.rows { try batch.put(Self.vector(id), for: id, metadataJSON: #"{"n":\#(id % 10)}"#) }
        }
        return store
    }

    private func open(_ access: VectorStoreAccess, _ options: VectorStoreOptions = .init()) throws
        -> VectorStore<Int64>
    { try .open(at: scratch.store, access: access, options: options) }

    /// Uses what holds locks: codes, the cache of ids, and several readers at a time.
    private func use(_ store: VectorStore<Int64>) throws {
        if !store.isReadOnly { try store.accelerate() }
        #expect(try store.search(for: Self.vector(3), limit: 1, where: .field("n") == 3).count == 1)
        let cache = try #require(store.memory.rowIDs)
        for id in Int64(0)..<200 {
            #expect(try store.vector(for: id) == Self.vector(id))
            cache.finishFilling()
        }
        let isCached = try store.read { _ in try store.read { _ in try store.read { _ in cache.contains(RowKey(1)) } } }
        #expect(isCached == true)
        // The locks of a handle that only reads.
        #expect(try store.vector(for: 1) == Self.vector(1))
    }

    // MARK: What the system sees

    /// The locks of this process on the store's files.
    private func locks() throws -> [String] {
        let inodes = try Set(
            scratch.names().map {
                try FileManager.default.attributesOfItem(atPath: scratch.file($0))[.systemFileNumber] as? UInt64
            }
        )
        let text = String(
            decoding: try FileHandle(forReadingAtPath: "/proc/locks")?.readToEnd() ?? Data(),
            as: UTF8.self
        )
        return text.split(separator: "\n").map(String.init).filter { line in
            let fields = line.split(separator: " ")
            let process = Int32(ProcessInfo.processInfo.processIdentifier)
            guard fields.count > 5, let place = fields.firstIndex(of: Substring("\(process)")) else { return false }
            let inode = fields[place + 1].split(separator: ":").last.flatMap { UInt64($0) }
            return inodes.contains(inode)
        }
    }

    /// The store's files of which this process has descriptors; the store's directory isn't one.
    private func openFiles() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap {
            let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")
            guard let path, path.contains(scratch.store + "/") else { return nil }
            return path.split(separator: "/").last.map(String.init)
        }
    }

    private func expectNothingIsHeld(sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try locks() == [], sourceLocation: sourceLocation)
        let files = try openFiles().filter { $0.hasSuffix(".lock") || $0.hasPrefix("index.sqlite") }
        #expect(files == [], sourceLocation: sourceLocation)
    }

    private func expectEverythingIsThere(
        _ store: VectorStore<Int64>,
        rows: Int = Int(rows),
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let report = try store.verify()
        #expect(report.isSound && report.rows == rows, sourceLocation: sourceLocation)
        for id in Int64(0)..<300 {
            #expect(try store.vector(for: id) == Self.vector(id), sourceLocation: sourceLocation)
        }
        #expect(try store.search(for: Self.vector(3), limit: 1).count == 1, sourceLocation: sourceLocation)
    }

    // MARK: Locks

    @Test(.enabled(if: exists("/proc/locks"), "needs /proc"), arguments: [VectorStoreAccess.readOnly, .readWrite])
    func noLockRemains(_ access: VectorStoreAccess) throws {
        let writer = try create()
        if access == .readOnly {
            try writer.accelerate()
            try writer.close()
        }
        let store = access == .readOnly ? try open(.readOnly) : writer
        for _ in 0..<2 {
            try use(store)
            #expect(try !locks().isEmpty)
            try store.suspend(within: Self.long)
            try expectNothingIsHeld()
            try store.suspend(within: .zero)
            try store.resume()
            try store.resume()
            try expectEverythingIsThere(store)
        }
        try store.suspend(within: Self.long)
        try store.close()
        expectError(.closed) { try store.count }
        expectError(.closed) { try store.resume() }
        expectError(.closed) { try store.suspend(within: .zero) }
        try expectNothingIsHeld()
        try expectEverythingIsThere(try open(.readWrite))
    }

    @Test(.enabled(if: exists("/proc/locks"), "needs /proc")) func noLockOfTwoHandlesRemains() throws {
        let writer = try create()
        let reader = try open(.readOnly)
        try use(writer)
        try use(reader)
        try writer.suspend(within: Self.long)
        // SQLite shares the locks of a process.
        #expect(try !locks().isEmpty)
        try reader.suspend(within: Self.long)
        try expectNothingIsHeld()
        try writer.resume()
        try writer.put(Self.vector(1), for: -1)
        try reader.resume()
        try expectEverythingIsThere(reader, rows: Int(Self.rows) + 1)
        try expectEverythingIsThere(writer, rows: Int(Self.rows) + 1)
    }

    /// A handle that is released while it is suspended leaves nothing behind either.
    @Test func theStoreOfAKilledProcessIsThere() throws {
        let store = try create(.init(durability: .relaxed(interval: .seconds(3_600))))
        try store.put(Self.vector(1), for: -1)
        try store.suspend(within: Self.long)
        let copy = scratch.path + "/copy"
        try copyItem(scratch.store, to: copy)
        #expect(exists(copy + "/index.sqlite-wal"))
        let next = try VectorStore<Int64>.open(at: copy)
        #expect(try next.vector(for: -1) == Self.vector(1))
        #expect(try next.verify().isSound)
    }

    // MARK: Calls

    @Test(arguments: [VectorStoreAccess.readOnly, .readWrite])
    func aSuspendedStoreRefusesEverything(_ access: VectorStoreAccess) throws {
        let writer = try create()
        if access == .readOnly { try writer.close() }
        let store = access == .readOnly ? try open(.readOnly) : writer
        for id in Int64(0)..<200 {
            _ = try store.vector(for: id)
            store.memory.rowIDs?.finishFilling()
        }
        try store.suspend(within: Self.long)
        let error = expectError(.suspended) { try store.vector(for: 1) }
        #expect(error?.remedy.calls == [.resume])
        expectError(.suspended) { try store.withVector(for: 1) { _ in } }
        expectError(.suspended) { try store.contains(1) }
        expectError(.suspended) { try store.count }
        expectError(.suspended) { try store.read { _ in } }
        expectError(.suspended) { try store.ids() }
        expectError(.suspended) { try store.search(for: Self.vector(1), limit: 1) }
        expectError(.suspended) { try store.verify() }
        expectError(.suspended) { try store.backup(to: scratch.path + "/backup") }
        if access == .readWrite {
            expectError(.suspended) { try store.put(Self.vector(1), for: -1) }
            expectError(.suspended) { try store.delete(1) }
            expectError(.suspended) { try store.delete([1, 2]) }
            expectError(.suspended) { try store.write { _ in } }
            expectError(.suspended) { try store.flush() }
            expectError(.suspended) { try store.compact() }
            expectError(.suspended) { try store.erase([1]) }
        }
        try store.resume()
        try expectEverythingIsThere(store)
    }

    @Test func itIsRefusedInAClosure() throws {
        let store = try create()
        try store.read { _ in
            expectError(.reentrantCall) { try store.suspend(within: .zero) }
            expectError(.reentrantCall) { try store.resume() }
        }
        try store.write { _ in _ = expectError(.reentrantCall) { try store.suspend(within: .zero) } }
        #expect(try store.count == Int(Self.rows))
    }

    @Test func theAwaitedCalls() async throws {
        let store = try await VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1)
        )
        try await store.put([1], for: 1)
        try await store.suspend(within: Self.long)
        let error = await #expect(throws: VectorStoreError.self) { try await store.contains(1) }
        #expect(error?.code == .suspended)
        try await store.resume()
        #expect(try await store.contains(1))
    }

    // MARK: What is under way

    /// Calls `body` on a thread of its own; the result waits for its end.
    private func started(_ body: @escaping @Sendable () -> Void) -> () -> Void {
        let hasEnded = DispatchSemaphore(value: 0)
        Thread {
            body()
            hasEnded.signal()
        }.start()
        return { hasEnded.wait() }
    }

    @Test(arguments: [VectorStoreAccess.readOnly, .readWrite])
    func anEndlessFilterEnds(_ access: VectorStoreAccess) throws {
        try create().close()
        let hasBegun = DispatchSemaphore(value: 0)
        let store = try open(
            access,
            .init(shouldCancel: {
                hasBegun.signal()
                return false
            })
        )
        let wait = started { expectError(.suspended) { try store.ids(where: Filter(sql: FilterLimitTests.endless)) } }
        hasBegun.wait()
        try store.suspend(within: Self.long)
        wait()
        try store.resume()
        #expect(try store.count == Int(Self.rows))
        if access == .readOnly { return }
        // A change by a filter is undone.
        let waitAgain = started {
            expectError(.suspended) { try store.delete(where: Filter(sql: "id < 500 OR \(FilterLimitTests.endless)")) }
        }
        for _ in 0..<2 { hasBegun.wait() }
        try store.suspend(within: Self.long)
        waitAgain()
        try store.resume()
        try expectEverythingIsThere(store)
    }

    @Test func aSearchEnds() throws {
        let isEnding = DispatchSemaphore(value: 0)
        let isSuspending = Guarded(false)
        let store = try create(
            .init(shouldCancel: {
                isEnding.signal()
                // Until the store is being suspended, the search makes no progress.
                while !isSuspending.withLock({ $0 }) { usleep(500) }
                return false
            })
        )
        let wait = started {
            expectError(.suspended) { while true { _ = try store.search(for: Self.vector(1), limit: 1) } }
        }
        isEnding.wait()
        let ended = started { expectNoError { try store.suspend(within: Self.long) } }
        while !store.suspension.isSuspended { usleep(500) }
        isSuspending.withLock { $0 = true }
        ended()
        wait()
        try store.resume()
        try expectEverythingIsThere(store)
    }

    @Test func aBackupEnds() throws {
        let store = try create()
        let hasBegun = DispatchSemaphore(value: 0)
        let path = scratch.path + "/backup"
        let wait = started {
            expectError(.suspended) {
                try store.backup(to: path, options: .init(maxBytesPerSecond: 1)) { _ in hasBegun.signal() }
            }
        }
        hasBegun.wait()
        try store.suspend(within: Self.long)
        try expectNothingIsHeld()
        wait()
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == ["test.lacuna"])
        try store.resume()
        try expectEverythingIsThere(store)
    }

    @Test(arguments: [CompactionStrategy.rewrite, .inPlace]) func maintenanceEndsInOrder(_ strategy: CompactionStrategy)
        throws
    {
        let store = try create()
        try store.delete(Array(600..<Self.rows))
        let hasBegun = DispatchSemaphore(value: 0)
        let wait = started {
            expectError(.suspended) {
                try store.compact(strategy, options: .init(maxBytesPerSecond: 1)) { _ in hasBegun.signal() }
            }
        }
        hasBegun.wait()
        try store.suspend(within: Self.long)
        try expectNothingIsHeld()
        wait()
        try store.resume()
        try expectEverythingIsThere(store, rows: 600)
        try store.compact(strategy)
        try expectEverythingIsThere(store, rows: 600)
    }

    @Test func backgroundMaintenanceRests() throws {
        let clock = ManualClock()
        var policy = MaintenancePolicy(minimumDeadBytes: 1, idleTime: .zero)
        policy.clock = clock
        let store = try create(.init(maintenance: policy))
        try store.delete(Array(100..<Self.rows))
        #expect(clock.alarms == 1)
        try store.suspend(within: Self.long)
        clock.advance(by: .seconds(3_600))
        #expect(clock.alarms == 0)
        try expectNothingIsHeld()
        try store.resume()
        #expect(clock.alarms == 1)
        clock.advance(by: .seconds(3_600))
        #expect(try store.fragmentation == 0)
    }

    /// The closure returns only after `suspend` has given up.
    @Test(arguments: ["read", "write", "row"]) func aClosureThatStays(_ kind: String) throws {
        let store = try create()
        try use(store)
        let isInside = DispatchSemaphore(value: 0)
        let mayEnd = DispatchSemaphore(value: 0)
        let stay: @Sendable () -> Void = {
            isInside.signal()
            mayEnd.wait()
        }
        let wait = started {
            expectNoError {
                switch kind {
                case "read": try store.read { _ in stay() }
                case "write": try store.write { _ in stay() }
                default: _ = try store.withVector(for: 1) { _ in stay() }
                }
            }
        }
        isInside.wait()
        let error = expectError(.busy) { try store.suspend(within: .milliseconds(20)) }
        #expect(error?.problem.contains(kind == "write" ? "a write's closure" : "a read's closure") == true)
        #expect(error?.remedy.calls == [.suspend, .resume])
        #expect(try !locks().isEmpty)
        expectError(.suspended) { try store.vector(for: 1) }
        expectError(.suspended) { try store.put(Self.vector(1), for: -1) }
        // The handle goes on, or tries again.
        try store.resume()
        #expect(try store.vector(for: 1) == Self.vector(1))
        expectError(.busy) { try store.suspend(within: .zero) }
        mayEnd.signal()
        wait()
        try store.suspend(within: Self.long)
        try expectNothingIsHeld()
        try store.resume()
        try expectEverythingIsThere(store)
    }

    /// It doesn't wait for a long resumption either.
    @Test func suspendingWhileItIsResumed() throws {
        let store = try create()
        store.lifecycle.withLock {
            let wait = started {
                let error = expectError(.busy) { try store.suspend(within: .milliseconds(20)) }
                #expect(error?.remedy.calls == [.suspend])
            }
            wait()
        }
        #expect(try store.count == Int(Self.rows))
        try store.suspend(within: .seconds(300))
        try expectNothingIsHeld()
    }

    @Test func relaxedWritesAreCommittedBefore() throws {
        let store = try create(.init(durability: .relaxed(interval: .seconds(3_600))))
        try store.put(Self.vector(1), for: -1)
        try store.suspend(within: Self.long)
        try expectNothingIsHeld()
        let reader = try open(.readOnly)
        #expect(try reader.vector(for: -1) == Self.vector(1))
        try reader.close()
        try store.resume()
        try store.put(Self.vector(2), for: -2)
        try store.flush()
        try expectEverythingIsThere(store, rows: Int(Self.rows) + 2)
    }

    /// The store is suspended all the same. Resuming opens everything anew, so that the handle can write again.
    @Test func relaxedWritesThatAreLost() throws {
        try TestDisk.with(scratch.store) { disk in
            let store = try VectorStore<Int64>.create(
                at: disk.directory,
                configuration: .init(dimension: Self.dimension),
                fileSystem: disk.fileSystem,
                options: .init(durability: .relaxed(interval: .seconds(3_600)))
            )
            try store.put(Self.vector(1), for: 1)
            try store.flush()
            try store.put(Self.vector(2), for: 2)
            disk.inject(DiskFault(errno: EIO, matches: { $0.name.hasPrefix("vectors-") && $0.kind == .sync }))
            let error = expectError(.ioError) { try store.suspend(within: Self.long) }
            #expect(error?.problem.contains("relaxed writes") == true && disk.failures == 1)
            disk.inject(nil)
            expectError(.suspended) { try store.count }
            try store.suspend(within: .zero)
            try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem).close()
            try store.resume()
            try store.put(Self.vector(3), for: 3)
            try store.flush()
            #expect(try store.ids() == [1, 3])
            #expect(try store.verify().isSound)
        }
    }

    /// Resuming completes it, as opening does.
    @Test func anErasureThatIsEnded() throws {
        let store = try create()
        let hasBegun = DispatchSemaphore(value: 0)
        let wait = started {
            expectError(.suspended) {
                try store.erase([900, 901], options: .init(maxBytesPerSecond: 1)) { _ in hasBegun.signal() }
            }
        }
        hasBegun.wait()
        try store.suspend(within: Self.long)
        try expectNothingIsHeld()
        wait()
        let pending = "SELECT count(*) FROM compaction_history WHERE pending AND strategy = 'erase'"
        #expect(try rawConnection(scratch.index).value(pending) == .integer(1))
        try store.resume()
        #expect(try rawConnection(scratch.index).value(pending) == .integer(0))
        try expectEverythingIsThere(store, rows: Int(Self.rows) - 2)
    }

    // MARK: Others meanwhile

    private typealias Found = (ids: [Int64], plan: SearchReport.Plan)

    private func find(_ store: VectorStore<Int64>) throws -> Found {
        let (matches, report) = try store.explainedSearch(
            forEach: [Self.vector(3)],
            limit: 5,
            where: "metadata ->> 'n' = 77"
        )
        return (matches[0].map(\.id).sorted(), report.plan)
    }

    @Test(arguments: [VectorStoreAccess.readOnly, .readWrite])
    func whatIsRememberedStays(_ access: VectorStoreAccess) throws {
        let writer = try create()
        try writer.setMetadataJSON(#"{"n":77}"#, for: 5)
        let store = access == .readOnly ? try open(.readOnly) : writer
        _ = try find(store)
        #expect(try find(store) == ([5], .rememberedFilter))
        try store.suspend(within: Self.long)
        try store.resume()
        if access == .readOnly { return #expect(try find(store) == ([5], .rememberedFilter)) }
        try store.setMetadataJSON(#"{"n":77}"#, for: 6)
        #expect(try find(store) == ([5, 6], .rememberedFilter))
    }

    /// A compaction changes what is remembered in another way.
    @Test(arguments: [false, true]) func anotherHandleWritesMeanwhile(compacts: Bool) throws {
        let store = try create()
        _ = try find(store)
        #expect(try find(store) == ([], .rememberedFilter))
        try use(store)
        try store.suspend(within: Self.long)
        let other = try open(.readWrite)
        for _ in 0..<2 { expectError(.locked) { try store.resume() } }
        expectError(.suspended) { try store.count }
        try other.setMetadataJSON(#"{"n":77}"#, for: 7)
        try other.put(Self.vector(1), for: -1)
        try other.delete([900])
        if compacts { try other.compact(.rewrite) }
        try other.close()
        try store.resume()
        #expect(try find(store).ids == [7])
        #expect(try store.vector(for: -1) == Self.vector(1))
        #expect(try store.vector(for: 900) == nil)
        try expectEverythingIsThere(store)
        try store.setMetadataJSON("{}", for: 7)
        #expect(try find(store).ids == [])
    }

    /// A reader follows a writer that has written, or closed and opened the store, meanwhile.
    @Test func aWriterGoesOnMeanwhile() throws {
        var writer = try create()
        let store = try open(.readOnly)
        _ = try find(store)
        #expect(try find(store) == ([], .rememberedFilter))
        try use(store)
        try store.suspend(within: Self.long)
        try writer.setMetadataJSON(#"{"n":77}"#, for: 7)
        try writer.close()
        writer = try open(.readWrite)
        try writer.put(Self.vector(1), for: -1)
        try store.resume()
        #expect(try find(store).ids == [7])
        #expect(try store.vector(for: -1) == Self.vector(1))
        try expectEverythingIsThere(store, rows: Int(Self.rows) + 1)
        try use(store)
    }

    /// A shell's change has no number in the store.
    @Test(.enabled(if: Program("sqlite3").isInstalled, "needs sqlite3")) func aShellWritesMeanwhile() throws {
        let store = try create()
        _ = try find(store)
        #expect(try find(store) == ([], .rememberedFilter))
        try store.suspend(within: Self.long)
        let change = "UPDATE metadata SET json = json_set(json, '$.n', 77) WHERE id = 7"
        try Program.succeed("sqlite3", scratch.index, change)
        try store.resume()
        #expect(try find(store).plan != .rememberedFilter)
    }

    @Test func anotherStoreIsRefused() throws {
        let store = try create()
        try store.suspend(within: Self.long)
        try FileManager.default.moveItem(atPath: scratch.store, toPath: scratch.path + "/aside")
        try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 2)).close()
        expectError(.moved) { try store.resume() }
        try remove(scratch.store)
        try FileManager.default.moveItem(atPath: scratch.path + "/aside", toPath: scratch.store)
        try store.resume()
        try expectEverythingIsThere(store)
    }

    // MARK: Changes

    @Test func changesGoOn() async throws {
        let store = try await VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        var changes = store.changes().makeAsyncIterator()
        let first = try #require(await changes.next())
        try await store.suspend(within: Self.long)
        var late = store.changes().makeAsyncIterator()
        async let lateFirst = { () async -> VectorStoreChange<Int64>? in
            var late = store.changes().makeAsyncIterator()
            return await late.next()
        }()
        let other = try await VectorStore<Int64>.open(at: scratch.store)
        try await other.put([1], for: 1)
        try await other.close()
        try await store.resume()
        let second = try #require(await changes.next())
        #expect(second.ids == nil && second.commitSequence > first.commitSequence)
        try await store.put([2], for: 2)
        let third = try #require(await changes.next())
        #expect(third.ids == .init(put: [2]) && third.commitSequence > second.commitSequence)
        #expect(try #require(await late.next()).commitSequence >= second.commitSequence)
        #expect(try #require(await lateFirst).commitSequence >= second.commitSequence)
    }

    /// What was read after an earlier change may have been refused, so the newest state comes again, also if nobody has
    /// written meanwhile, or nothing was closed.
    @Test func theNewestStateComesAgain() async throws {
        let store = try await VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        var changes = store.changes().makeAsyncIterator()
        _ = await changes.next()
        try await store.put([1], for: 1)
        let last = try #require(await changes.next())
        try await store.suspend(within: Self.long)
        try await store.resume()
        #expect(await changes.next() == VectorStoreChange(commitSequence: last.commitSequence))
        try await onThread {
            try store.read { _ in
                // Resuming must not be called in a closure.
                let thread = started {
                    expectError(.busy) { try store.suspend(within: .zero) }
                    expectNoError { try store.resume() }
                }
                thread()
            }
        }
        try await store.put([2], for: 2)
        let joined = try #require(await changes.next())
        #expect(joined.isJoined && joined.ids == nil && joined.commitSequence > last.commitSequence)
        try await store.put([3], for: 3)
        #expect(await changes.next()?.ids == .init(put: [3]))
    }

    /// A follower that reads as soon as it is told isn't refused.
    @Test func whoIsToldMayRead() async throws {
        let store = try await VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        let reads = Task {
            var reads = 0
            for await _ in store.changes() {
                _ = try await store.contains(1)
                reads += 1
                if reads == 10 { break }
                // The next state comes after this one was read.
                Task {
                    try await store.suspend(within: Self.long)
                    try await store.resume()
                }
            }
            return reads
        }
        #expect(try await reads.value == 10)
    }

    @Test func aReadersChangesGoOn() async throws {
        let clock = ManualClock()
        var options = VectorStoreOptions()
        options.clock = clock
        let writer = try await VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        let store = try await VectorStore<Int64>.open(at: scratch.store, access: .readOnly, options: options)
        var changes = store.changes().makeAsyncIterator()
        let first = try #require(await changes.next())
        try await store.suspend(within: Self.long)
        try await writer.put([1], for: 1)
        clock.advance(by: .seconds(1))
        try await store.resume()
        #expect(await changes.next()?.commitSequence == first.commitSequence + 1)
        try await writer.put([2], for: 2)
        clock.advance(by: .seconds(1))
        #expect(await changes.next()?.commitSequence == first.commitSequence + 2)
    }
}

private func expectNoError(_ body: () throws -> Void) { #expect(throws: Never.self) { try body() } }
