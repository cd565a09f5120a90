import Foundation
import Testing

@testable import Lacuna

/// Several threads write and read while compactions of every strategy run, one after the other.
@Suite(.timeLimit(.minutes(40))) struct CompactionUnderLoadTests {
    private static let dimension = 130
    private static let writers = 3
    private static let idsPerWriter: Int64 = 120

    /// The errors of all threads.
    private let failures = Guarded<[String]>([])

    private func thread(_ group: DispatchGroup, _ body: @escaping @Sendable () throws -> Void) {
        group.enter()
        let failures = failures
        Thread {
            do { try body() } catch { failures.withLock { $0.append("\(error)") } }
            group.leave()
        }.start()
    }

    @Test func everyStrategyBesideWritersAndReaders() throws {
        let scratch = try Scratch()
        var store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: Self.dimension, metric: .dot)
        )
        let models = (0..<Self.writers).map { index in
            Guarded(
                ModelledWrites(
                    dimension: Self.dimension,
                    seed: UInt64(index),
                    ids: Int64(index) * Self.idsPerWriter..<Int64(index + 1) * Self.idsPerWriter
                )
            )
        }
        for round in 0..<4 {
            try play(round, store, models)
            #expect(failures.withLock { $0 } == [])
            for model in models { try model.withLock { try $0.check(store) } }
            #expect(try store.verify().isSound)
            if round % 2 == 1 {
                try store.close()
                store = try VectorStore<Int64>.open(at: scratch.store)
                for model in models { try model.withLock { try $0.check(store) } }
            }
        }
    }

    /// Writers and a reader go on for as long as the compactions of one round take.
    private func play(_ round: Int, _ store: VectorStore<Int64>, _ models: [Guarded<ModelledWrites>]) throws {
        let isDone = Guarded(false)
        let group = DispatchGroup()
        for model in models {
            thread(group) {
                while !isDone.withLock({ $0 }) { try model.withLock { try $0.step(store, bulk: 6) } }
            }
        }
        thread(group) {
            while !isDone.withLock({ $0 }) { try Self.read(store) }
        }
        let reader = try VectorStore<Int64>.open(at: store.paths.directory.path, access: .readOnly)
        thread(group) {
            while !isDone.withLock({ $0 }) { try Self.read(reader) }
        }
        defer {
            isDone.withLock { $0 = true }
            group.wait()
        }
        let limits = MaintenanceLimits.small(rows: [5, 40][round % 2], dimension: Self.dimension)
        for strategy in [CompactionStrategy.rewrite, .inPlace, .punch, .auto] {
            do { try store.compact(strategy, limits) } catch let error as VectorStoreError where error.code == .busy {
                // Writers were faster than the gaps were many.
                #expect(strategy == .inPlace || strategy == .auto, "\(error)")
            }
        }
    }

    /// Checks one whole state: every row belongs to its id, and searches and reads by id agree with it.
    private static func read(_ store: VectorStore<Int64>) throws {
        try store.read { snapshot in
            let ids = try snapshot.ids()
            guard ids.count == snapshot.count else { throw Torn(what: "\(ids.count) ids") }
            for id in ids {
                let isWhole = try snapshot.withVector(for: id) { ModelledWrites.isRow($0, of: id) }
                guard isWhole == true else { throw Torn(what: "id \(id)") }
            }
            guard try snapshot.ids() == ids else { throw Torn(what: "other ids later on") }
        }
    }

    private struct Torn: Error { let what: String }
}
