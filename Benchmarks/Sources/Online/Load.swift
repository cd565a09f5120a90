import Foundation
import Lacuna
import Measuring

/// One thread that reads by id and one that writes durable batches of 100, each as fast as it can, with or without
/// other work beside them.
struct Load {
    private static let newRows = 40
    private static let replacedRows = 40
    private static let deletedRows = 20

    let store: VectorStore<Int64>
    let pool: VectorPool

    struct Result {
        let reads: Latencies
        let writes: Latencies
    }

    /// Runs both while `body` runs. A call that began meanwhile and ended later counts.
    func run<R>(on population: inout Population, during body: () throws -> R) throws -> (R, Result) {
        let stop = StopSign()
        let ready = DispatchSemaphore(value: 0)
        let start = population
        let seed = population.random.next()
        let reader = Worker("reader") { try read(start.lasting, seed, ready, until: stop) }
        let writer = Worker("writer") { try write(start, ready, until: stop) }
        ready.wait()
        ready.wait()
        let result = Swift.Result { try body() }
        stop.raise()
        // This waits for both threads, even if one fails.
        let reads = Swift.Result { try reader.join() }
        let written = Swift.Result { try writer.join() }
        let value = try result.get()
        let writes: Latencies
        (writes, population) = try written.get()
        return (value, Result(reads: try reads.get(), writes: writes))
    }

    /// Reads alone.
    func reads<R>(of population: Population, during body: () throws -> R) throws -> R {
        let stop = StopSign()
        let ready = DispatchSemaphore(value: 0)
        let reader = Worker("reader") { try read(population.lasting, 1, ready, until: stop) }
        ready.wait()
        let result = Swift.Result { try body() }
        stop.raise()
        _ = try reader.join()
        return try result.get()
    }

    private func read(
        _ ids: [Int64],
        _ seed: UInt64,
        _ ready: DispatchSemaphore,
        until stop: StopSign
    ) throws -> Latencies {
        var random = SplitMix(seed: seed)
        var latencies = Latencies()
        let clock = ContinuousClock()
        ready.signal()
        while !stop.isRaised {
            let id = ids[Int.random(in: 0..<ids.count, using: &random)]
            let start = clock.now
            let vector = try store.vector(for: id)
            latencies.record(clock.now - start)
            guard let vector, pool.isVector(vector, of: id) else { throw WrongRow(id: id) }
        }
        return latencies
    }

    private func write(
        _ start: Population,
        _ ready: DispatchSemaphore,
        until stop: StopSign
    ) throws -> (Latencies, Population) {
        var population = start
        var latencies = Latencies()
        let clock = ContinuousClock()
        ready.signal()
        while !stop.isRaised {
            let changes = Changes(&population, pool)
            let start = clock.now
            try store.write { batch in
                for (id, vector) in changes.puts { try batch.put(vector, for: id, replacing: true) }
                for id in changes.deletes { batch.delete(id) }
            }
            latencies.record(clock.now - start)
        }
        return (latencies, population)
    }

    /// The changes of one batch, which are prepared before the time is measured.
    private struct Changes {
        var puts: [(Int64, [Float])] = []
        var deletes: [Int64] = []

        init(_ population: inout Population, _ pool: VectorPool) {
            for _ in 0..<min(Load.deletedRows, population.passing.count) {
                let index = Int.random(in: 0..<population.passing.count, using: &population.random)
                population.passing.swapAt(index, population.passing.count - 1)
                deletes.append(population.passing.removeLast())
            }
            for _ in 0..<Load.newRows {
                let id = population.newID()
                population.passing.append(id)
                puts.append((id, pool.vector(for: id)))
            }
            let lasting = population.lasting
            for _ in 0..<Load.replacedRows {
                let id = lasting[Int.random(in: 0..<lasting.count, using: &population.random)]
                puts.append((id, pool.vector(for: id)))
            }
        }
    }
}

/// A row was lost or torn, so the measured times mean nothing.
struct WrongRow: Error, CustomStringConvertible {
    let id: Int64
    var description: String { "the id \(id) has no row, or another's" }
}
