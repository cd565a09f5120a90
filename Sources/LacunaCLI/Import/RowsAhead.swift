import Dispatch
import LacunaFormats
import LacunaPlatform

/// Reads rows on a thread of its own, ahead of the thread that writes them by a bounded number of batches.
///
/// `@unchecked Sendable`: `reader` is used by that thread alone, and `state` is guarded.
final class RowsAhead: @unchecked Sendable {
    private struct State {
        var read: [Result<RowBatch, FormatError>] = []
        /// Batches whose memory is used again.
        var spare: [RowBatch] = []
        var isStopped = false
    }

    /// The largest number of batches that wait to be written.
    private static let mostBatches = 4
    /// The most components of a batch (4 MiB), unless one row has more.
    private static let mostComponents = 1 << 20

    private let reader: any RowReader
    private let rows: Int
    private let state = Guarded(State())
    // It begins at 0, because Dispatch ends the process if a semaphore goes with less than it began with.
    private let places = DispatchSemaphore(value: 0)
    private let batches = DispatchSemaphore(value: 0)

    /// - Parameter rows: The number of rows of a transaction; no batch has more.
    init(_ reader: any RowReader, rows: Int, dimension: Int) {
        self.reader = reader
        self.rows = min(rows, max(1, Self.mostComponents / dimension))
        for _ in 0..<Self.mostBatches { places.signal() }
        DispatchQueue(label: "import").async { [self] in
            while readNext() {}
        }
    }

    /// The next batch; nil at the end. Reading goes on in `used`'s memory.
    func next(_ used: consuming RowBatch) throws -> RowBatch? {
        let used = used
        state.withLock { $0.spare.append(used) }
        // Standard input may have nothing for a long time.
        while batches.wait(timeout: .now() + .milliseconds(100)) == .timedOut { try Interrupts.check() }
        let batch = try state.withLock { $0.read.removeFirst() }.get()
        places.signal()
        return batch.count > 0 ? batch : nil
    }

    /// Makes the thread read no further batch.
    func stop() {
        state.withLock { $0.isStopped = true }
        places.signal()
    }

    private func readNext() -> Bool {
        places.wait()
        let (isStopped, spare) = state.withLock { ($0.isStopped, $0.spare.popLast()) }
        if isStopped { return false }
        var batch = spare ?? RowBatch()
        let result = Result { () throws(FormatError) in
            _ = try reader.read(rows, into: &batch)
            return batch
        }
        state.withLock { $0.read.append(result) }
        batches.signal()
        return batch.count > 0
    }
}
