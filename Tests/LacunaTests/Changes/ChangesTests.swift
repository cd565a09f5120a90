import Foundation
import TestSupport
import Testing

@testable import Lacuna

@Suite(.timeLimit(.minutes(40))) struct ChangesTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try VectorStore.create(at: scratch.store, configuration: .init(dimension: 1))
    }

    @Test func commitsComeWithTheirIDs() async throws {
        var changes = store.changes().makeAsyncIterator()
        let first = try #require(await changes.next())
        #expect(first.ids == nil)
        try await store.put([1], for: 1)
        let second = await changes.next()
        #expect(second == VectorStoreChange(commitSequence: first.commitSequence + 1, ids: .init(put: [1])))
        try await store.write { batch in
            try batch.put([2], for: 1, replacing: true)
            try batch.put([2], for: 2, metadataJSON: "{}")
            try batch.put([3], for: 3)
            batch.delete(3)
            try batch.setMetadataJSON(#"{"a":1}"#, for: 2)
            batch.delete(99)
        }
        #expect(
            await changes.next()
                == VectorStoreChange(
                    commitSequence: first.commitSequence + 2,
                    ids: .init(put: [2, 3], replaced: [1], deleted: [3], metadataChanged: [2])
                )
        )
        try await store.patchMetadataJSON(#"{"b":2}"#, where: .id > 0)
        #expect(await changes.next()?.ids == .init(metadataChanged: [1, 2]))
        #expect(try await store.delete(where: .id == 2) == 1)
        #expect(await changes.next()?.ids == .init(deleted: [2]))
    }

    /// What fails or changes nothing is no change.
    @Test func onlyCommitsCome() async throws {
        try await store.put([1], for: 1)
        var changes = store.changes().makeAsyncIterator()
        let first = try #require(await changes.next())
        await #expect(throws: VectorStoreError.self) { try await store.put([1], for: 1) }
        await #expect(throws: VectorStoreError.self) {
            try await store.write { batch in
                try batch.put([1], for: 7)
                try batch.put([1], for: 1)
            }
        }
        #expect(try await !store.delete(5))
        try await store.compact(.rewrite)
        try await store.put([1], for: 2)
        let next = await changes.next()
        #expect(next?.ids == .init(put: [2]))
        #expect(try #require(next).commitSequence > first.commitSequence)
    }

    @Test func aSlowReaderIsTold() async throws {
        var changes = store.changes().makeAsyncIterator()
        let first = try #require(await changes.next())
        for id in Int64(1)...5 { try await store.put([1], for: id) }
        let joined = await changes.next()
        #expect(joined == VectorStoreChange(commitSequence: first.commitSequence + 5, isJoined: true))
        try await store.put([1], for: 6)
        #expect(await changes.next()?.ids == .init(put: [6]))
    }

    @Test func manyIDsAreMany() async throws {
        var changes = store.changes().makeAsyncIterator()
        _ = await changes.next()
        for count in [Int64(1_000), 1_001] {
            try await store.write { batch in for id in 0..<count { try batch.put([1], for: count * 1_000_000 + id) } }
            #expect(await changes.next()?.ids?.put.count == (count == 1_000 ? 1_000 : nil))
        }
    }

    @Test func allVectorsAreNew() async throws {
        try await store.put([1], for: 1)
        var changes = store.changes().makeAsyncIterator()
        let first = try #require(await changes.next())
        try await store.reembed(dimension: 2) { ids, _, _ in ids.map { _ in [1, 2] } }
        let next = try #require(await changes.next())
        #expect(next.ids == nil && next.commitSequence > first.commitSequence)
    }

    /// A handle that only reads looks when its clock says so, and only while somebody follows.
    @Test func othersCommitsCome() async throws {
        let clock = ManualClock()
        var options = VectorStoreOptions()
        options.clock = clock
        let reader = try await VectorStore<Int64>.open(at: scratch.store, access: .readOnly, options: options)
        do {
            var changes = reader.changes(every: .milliseconds(20)).makeAsyncIterator()
            let first = try #require(await changes.next())
            try await store.put([1], for: 1)
            try await store.put([1], for: 2)
            clock.advance(by: .milliseconds(20))
            let next = await changes.next()
            #expect(next == VectorStoreChange(commitSequence: first.commitSequence + 2))
            #expect(reader.hub.isFollowed)
        }
        #expect(!reader.hub.isFollowed)
    }

    /// The shortest interval counts from when it is asked for, and none is shorter than a millisecond.
    @Test func theShortestInterval() async throws {
        let clock = RecordingClock()
        var options = VectorStoreOptions()
        options.clock = clock
        let reader = try await VectorStore<Int64>.open(at: scratch.store, access: .readOnly, options: options)
        let before = clock.alarms.count
        var delays: [Duration] { clock.alarms.dropFirst(before).map(\.delay) }
        let patient = reader.changes(every: .seconds(3_600)).makeAsyncIterator()
        var changes = reader.changes(every: .milliseconds(20)).makeAsyncIterator()
        _ = await changes.next()
        let again = reader.changes(every: .milliseconds(30)).makeAsyncIterator()
        let alarms = clock.alarms.dropFirst(before)
        #expect(delays == [.seconds(3_600), .milliseconds(20)])
        try await store.put([1], for: 1)
        alarms.first?.work()
        #expect(delays.count == 2)
        alarms.last?.work()
        #expect(await changes.next() != nil)
        #expect(delays == [.seconds(3_600), .milliseconds(20), .milliseconds(20)])
        let hasty = [Duration.zero, .seconds(-1)].map { reader.changes(every: $0).makeAsyncIterator() }
        #expect(delays.last == .milliseconds(1) && delays.count == 4)
        withExtendedLifetime((patient, again, hasty)) {}
    }

    private final class RecordingClock: AlarmClock {
        private let all = Guarded<[(delay: Duration, work: @Sendable () -> Void)]>([])

        var alarms: [(delay: Duration, work: @Sendable () -> Void)] { all.withLock { $0 } }
        var now: ContinuousClock.Instant { .now }

        func after(_ delay: Duration, _ work: @escaping @Sendable () -> Void) {
            all.withLock { $0.append((delay, work)) }
        }
    }

    /// A state that can't be read for a while is told later, and no sequence ends for it.
    @Test func readsThatFail() async throws {
        let clock = ManualClock()
        var options = VectorStoreOptions()
        options.clock = clock
        let reader = try await VectorStore<Int64>.open(at: scratch.store, access: .readOnly, options: options)
        var changes = reader.changes().makeAsyncIterator()
        let first = try #require(await changes.next()).commitSequence
        try await store.put([1], for: 1)
        let aside = scratch.path + "/aside"
        try FileManager.default.moveItem(atPath: scratch.store, toPath: aside)
        await #expect(throws: VectorStoreError.self) { try await reader.commitWatch.newest() }
        clock.advance(by: .milliseconds(100))
        var late = reader.changes().makeAsyncIterator()
        reader.hub.note(first, nil)
        #expect(await late.next()?.commitSequence == first)
        try FileManager.default.moveItem(atPath: aside, toPath: scratch.store)
        clock.advance(by: .milliseconds(100))
        // The sequences end, so that nothing waits for what doesn't come.
        try await reader.close()
        #expect(await changes.next()?.commitSequence == first + 1)
        #expect(await late.next()?.commitSequence == first + 1)
    }

    /// A handle that only reads ends its sequences when it is released.
    @Test func aReleasedReader() throws {
        func released() throws -> (ChangeHub, VectorStoreChanges<Int64>.Iterator) {
            let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
            let changes = reader.changes().makeAsyncIterator()
            #expect(reader.hub.isFollowed)
            return (reader.hub, changes)
        }
        let (hub, changes) = try released()
        withExtendedLifetime(changes) { #expect(!hub.isFollowed) }
    }

    /// A list without some of the ids would look complete.
    @Test func idsThatCannotBeRead() {
        var list = ChangeList()
        list.note(.put, .integer(1))
        list.note(.put, .text("two"))
        let commit = ChangeHub.Commit(sequence: 3, changes: list, isJoined: false)
        #expect(VectorStoreChange<Int64>(commit) == .init(commitSequence: 3))
    }

    @Test func theEnd() async throws {
        let store = store
        let following = Task {
            var count = 0
            for await _ in store.changes() { count += 1 }
            return count
        }
        while !store.hub.isFollowed { await Task.yield() }
        following.cancel()
        _ = await following.value
        var changes = store.changes().makeAsyncIterator()
        _ = await changes.next()
        try await store.close()
        #expect(await changes.next() == nil)
        var late = store.changes().makeAsyncIterator()
        #expect(await late.next() == nil)
    }
}
