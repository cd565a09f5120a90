import Dispatch
import Lacuna
import Synchronization

/// Makes a workload's calls on a store, and prints a line for each.
final class TortureWorker {
    private let path: String
    private let workload: TortureWorkload
    private let output: StandardOutput
    private var store: VectorStore<Int64>
    private var live: Set<Int64>
    private var compaction: CompactionThread?

    init(_ path: String, _ workload: TortureWorkload, _ output: StandardOutput) throws {
        self.path = path
        self.workload = workload
        self.output = output
        store = try .open(at: path)
        live = Set(try store.ids())
    }

    func run(after count: Int) throws -> Never {
        var number = count
        while true {
            number += 1
            let call = workload.call(number, &live)
            try output.lineNow(TortureLine.call(number).text)
            try make(call)
            try output.lineNow(TortureLine.acknowledge(number).text)
        }
    }

    private func make(_ call: TortureCall) throws {
        switch call {
        case .write(let changes):
            try store.write { batch in
                for change in changes {
                    switch change {
                    case .put(let id, let vector, let metadata, let replacing):
                        try batch.put(vector, for: id, metadataJSON: metadata, replacing: replacing)
                    case .setMetadata(let id, let metadata): try batch.setMetadataJSON(metadata, for: id)
                    case .delete(let id): batch.delete(id)
                    }
                }
            }
        case .delete(let ids): try store.delete(ids)
        case .erase(let ids):
            try awaitCompaction()
            try store.erase(ids)
        case .compact(let strategy, let beside):
            try awaitCompaction()
            compaction = CompactionThread(store, strategy, mayGiveUp: beside)
            if !beside { try awaitCompaction() }
        case .reopen:
            try awaitCompaction()
            try store.close()
            store = try .open(at: path)
        }
    }

    private func awaitCompaction() throws {
        defer { compaction = nil }
        if let strategy = try compaction?.wait() { try output.lineNow(TortureLine.compacted(strategy).text) }
    }
}

/// A compaction on a thread of its own.
private final class CompactionThread: Sendable {
    private let mayGiveUp: Bool
    private let ended = DispatchSemaphore(value: 0)
    private let result = Mutex<Result<CompactionStrategy?, any Error>>(.success(nil))

    init(_ store: VectorStore<Int64>, _ strategy: CompactionStrategy, mayGiveUp: Bool) {
        self.mayGiveUp = mayGiveUp
        DispatchQueue.global().async {
            let result = Result { try store.compact(strategy).strategy }
            self.result.withLock { $0 = result }
            self.ended.signal()
        }
    }

    /// Waits for the end; returns the strategy, or nil if there was nothing to do, or if more was written meanwhile
    /// than the compaction could handle.
    func wait() throws -> CompactionStrategy? {
        ended.wait()
        do { return try result.withLock { try $0.get() } } catch let error as VectorStoreError
            where error.code == .busy && mayGiveUp
        { return nil }
    }
}
