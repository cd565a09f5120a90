import Foundation
import Testing

@testable import Lacuna

/// Writers that wait at the same time share one commit, and each gets the result of its own write.
@Suite(.timeLimit(.minutes(40))) struct GroupCommitTests {
    /// Once armed, holds the first sync of the data file until `waiting` writers are in line. Later syncs may be made
    /// to fail.
    private final class SyncGate: FileSystemLayer {
        private struct State: Sendable {
            var dataFiles: Set<Int32> = []
            var writer: Writer?
            var waiting = 0
            var syncs = 0
            var failing: Int?
        }

        private let state = Guarded(State())
        let isHolding = DispatchSemaphore(value: 0)

        /// Data syncs since the gate was armed.
        var syncs: Int { state.withLock { $0.syncs } }

        /// - Parameter failing: The number of the data sync that fails; the held one is 1.
        func arm(_ writer: Writer?, waiting: Int, failing: Int? = nil) {
            state.withLock { state in
                (state.writer, state.waiting, state.syncs, state.failing) = (writer, waiting, 0, failing)
            }
        }

        func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
            let descriptor = try below.open(name, in: directory, access)
            if name.hasSuffix(".f32") { state.withLock { _ = $0.dataFiles.insert(descriptor) } }
            return descriptor
        }

        func sync(_ descriptor: Int32) throws(SystemError) {
            let (writer, waiting, number, fails) = state.withLock { state in
                if state.dataFiles.contains(descriptor) { state.syncs += 1 }
                let isData = state.dataFiles.contains(descriptor)
                return (state.writer, state.waiting, isData ? state.syncs : 0, isData && state.syncs == state.failing)
            }
            if number == 1, let writer {
                isHolding.signal()
                while writer.turns.waiting < waiting { usleep(100) }
            }
            if fails { throw SystemError(errno: EIO, call: "sync", path: "the data file") }
            try below.sync(descriptor)
        }
    }

    private let scratch: Scratch
    private let gate = SyncGate()
    private let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 4, metric: .dot), fileSystem: gate)
        // This put raises the commit mark and reserves space.
        try store.put([0, 0, 0, 0], for: 0)
    }

    /// Runs `body` on `count` threads, which wait in line while the first one's sync is held. Returns the errors that
    /// they got.
    private func outcomes(
        _ count: Int64,
        failing: Int? = nil,
        _ body: @escaping @Sendable (VectorStore<Int64>, Int64) throws -> Void,
        then: @escaping @Sendable (Int64) -> Void = { _ in }
    ) -> [Int64: VectorStoreError] {
        gate.arm(store.writer, waiting: Int(count) - 1, failing: failing)
        defer { gate.arm(nil, waiting: 0) }
        let errors = Guarded<[Int64: VectorStoreError]>([:])
        let group = DispatchGroup()
        for id in 1...count {
            if id == 2 { gate.isHolding.wait() }
            group.enter()
            Thread { [store] in
                do { try body(store, id) } catch { errors.withLock { $0[id] = error as? VectorStoreError } }
                then(id)
                group.leave()
            }
            .start()
        }
        group.wait()
        return errors.withLock { $0 }
    }

    @Test func thoseInLineShareOneSync() throws {
        let syncs = Guarded(0)
        let errors = outcomes(8) { [gate] store, id in
            try store.put([Float(id), 0, 0, 0], for: id)
            syncs.withLock { $0 = gate.syncs }
        }
        #expect(errors.isEmpty)
        #expect(syncs.withLock { $0 } == 2)
        for id: Int64 in 0...8 { #expect(try store.vector(for: id) == [Float(id), 0, 0, 0]) }
        #expect(try rawConnection(scratch.index).value("SELECT commit_sequence FROM store") == 3)
    }

    @Test func onesFailureIsNotTheOthers() throws {
        let errors = outcomes(8) { store, id in
            if id % 2 == 0 {
                try store.put([1, 1, 1, 1], for: 0)
            } else {
                try store.put([Float(id), 0, 0, 0], for: id)
            }
        }
        #expect(errors.mapValues(\.code) == [2: .duplicateID, 4: .duplicateID, 6: .duplicateID, 8: .duplicateID])
        #expect(try store.ids() == [0, 1, 3, 5, 7])
        #expect(try store.verify().isSound)
    }

    /// The savepoint of a patch that fails takes back nothing of the patches before and after it.
    @Test func aPatchThatFailsIsNotTheOthers() throws {
        let errors = outcomes(8) { store, id in
            if id == 1 { return try store.put([1, 0, 0, 0], for: id) }
            switch id % 4 {
            case 0: try store.patchMetadataJSON(#"{"n":\#(id)}"#, for: id)
            case 2: try store.patchMetadataJSON(#"{"id":\#(id)}"#, for: 0)
            default: try store.patchMetadataJSON(#"{"n\#(id)":\#(id)}"#, for: 0)
            }
        }
        #expect(
            errors.mapValues(\.code) == [2: .invalidMetadata, 4: .unknownID, 6: .invalidMetadata, 8: .unknownID]
        )
        let json = try #require(try store.metadataJSON(for: 0))
        #expect(Set(json.dropFirst().dropLast().split(separator: ",")) == [#""n3":3"#, #""n5":5"#, #""n7":7"#])
        // One commit was the store's first row, one that of the first thread, and one that of all others.
        #expect(try rawConnection(scratch.index).value("SELECT commit_sequence FROM store") == 3)
        #expect(try store.verify().isSound)
    }

    /// A closure may wait for another thread's write, because that write has returned before the closure runs.
    @Test func aClosureFindsNobodyWaiting() throws {
        let hasReturned = DispatchSemaphore(value: 0)
        let errors = outcomes(3) { store, id in
            if id != 3 { return try store.put([Float(id), 0, 0, 0], for: id) }
            while store.writer?.turns.waiting == 0 {}
            try store.write { batch in
                // The timeout only ends a test that fails.
                if hasReturned.wait(timeout: .now() + 60) == .timedOut {
                    throw VectorStoreError(.busy, "nobody returned")
                }
                try batch.put([3, 0, 0, 0], for: 3)
            }
        } then: {
            if $0 == 2 { hasReturned.signal() }
        }
        #expect(errors.isEmpty)
        #expect(try store.ids() == [0, 1, 2, 3])
    }

    /// Deleting works on a full disk, which a put in the same transaction would spoil.
    @Test func nothingJoinsABatchThatOnlyDeletes() throws {
        let errors = outcomes(3) { store, id in
            if id == 2 { return try store.write { $0.delete(0) } }
            while id == 3 && store.writer?.turns.waiting == 0 {}
            try store.put([Float(id), 0, 0, 0], for: id)
        }
        #expect(errors.isEmpty)
        #expect(try store.ids() == [1, 3])
        #expect(try rawConnection(scratch.index).value("SELECT commit_sequence FROM store") == 4)
    }

    /// If the sync fails, no writer is told that its write is durable.
    @Test func allHearOfAFailedSync() throws {
        let errors = outcomes(8, failing: 2) { store, id in try store.put([Float(id), 0, 0, 0], for: id) }
        #expect(errors.count == 7 && errors.values.allSatisfy { $0.code == .ioError })
        let first = try #require((1...8).first { errors[$0] == nil })
        expectError(.needsReopen) { try store.put([9, 9, 9, 9], for: 9) }
        #expect(try store.ids() == [0, first])
    }

    /// The next writer in line commits the writes that earlier ones have left open, even if it writes nothing itself.
    @Test func whoeverComesNextCommits() throws {
        let errors = outcomes(6) { store, id in
            switch id {
            case 2: try store.flush()
            case 4: try store.delete(0)
            case 6: try store.compact(.punch)
            default: try store.put([Float(id), 0, 0, 0], for: id)
            }
        }
        #expect(errors.isEmpty)
        #expect(try store.ids() == [1, 3, 5])
    }
}
