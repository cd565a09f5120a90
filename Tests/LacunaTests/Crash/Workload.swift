import TestSupport

@testable import Lacuna

/// A seeded sequence of everything that a store does, beside a model of its contents after each step.
final class Workload {
    private let disk: TestDisk
    private var dimension: Int
    private let element: ElementType
    private var generator: SplitMix64
    private var store: VectorStore<Int64>?
    private var version = 0
    private var nextID: Int64 = 1
    private var derived = 0
    private var fileSystem: FaultyFileSystem
    private let durability: Durability
    private var isRelaxed: Bool { durability != .full }
    /// The state before each call that changes something, and finally the last state. ``Progress`` counts calls by
    /// their indexes here.
    private(set) var states: [CrashModel] = [CrashModel()]
    /// The states in which the store may be by now.
    private(set) var progress = Progress()

    /// One thing that a store does.
    indirect enum Step: Sendable {
        case put(Int)
        case replace, delete, erase, setMetadata, patch, mixedBatch, punch, reopen, flush, failedBatch
        /// Makes an index on a field, or drops it.
        case index
        /// Makes a text index, or drops it.
        case textIndex
        case compact(CompactionStrategy)
        /// A re-embedding to another dimension, from its beginning to its end, or the rest of one.
        case reembed(to: Int)
        /// A re-embedding that is stopped after some batches.
        case stopReembedding(to: Int)
        case abortReembedding
        /// Makes a derived file.
        case derive
        /// Copies the log into the database as far as readers allow.
        case checkpoint
        /// The steps while another handle holds a snapshot of the state before them.
        case whileReading([Step])

        static let all: [Step] = [
            .put(8), .put(3), .put(1), .put(5), .replace, .delete, .erase, .setMetadata, .mixedBatch, .patch,
            .compact(.rewrite), .compact(.inPlace), .punch, .index, .textIndex, .reopen,
        ]
    }

    init(
        _ disk: TestDisk,
        dimension: Int,
        _ element: ElementType = .float32,
        seed: UInt64,
        isRelaxed: Bool = false
    ) {
        durability = isRelaxed ? .relaxed(interval: .seconds(3_600)) : .full
        self.disk = disk
        self.dimension = dimension
        self.element = element
        generator = SplitMix64(seed: seed)
        fileSystem = disk.fileSystem
        fileSystem.writesShort = seed % 2 == 1
    }

    /// Creates the store.
    func create() throws {
        note(Progress(acknowledged: -1, inFlight: 0))
        store = try VectorStore<Int64>.create(
            at: disk.directory,
            configuration: .init(dimension: dimension, metric: .euclidean, element: element),
            fileSystem: fileSystem,
            options: .init(durability: durability)
        )
        note(Progress(acknowledged: 0))
    }

    /// Takes the steps; throws the first error of a call.
    func run(_ steps: [Step]) throws {
        for step in steps { try take(step) }
    }

    /// Takes `count` random steps; the first few put rows.
    func run(random count: Int) throws {
        for number in 0..<count {
            if isRelaxed && number % 6 == 5 { try take(.flush) }
            if isRelaxed && number % 3 == 1 { try take(.failedBatch) }
            try take(number < 3 ? .put(8) : Step.all.randomElement(using: &generator) ?? .replace)
        }
    }

    func close() throws {
        try settle { try store?.close() }
        store = nil
    }

    private func note(_ progress: Progress) {
        self.progress = progress
        disk.note(progress)
    }

    private func take(_ step: Step) throws {
        guard let store else { return }
        switch step {
        case .put(let count): try putBatch(store, count: count)
        case .replace: try replace(store)
        case .delete: try delete(store)
        case .erase: try delete(store, erasing: true)
        case .setMetadata: try setMetadata(store)
        case .patch: try patch(store)
        case .mixedBatch: try mixedBatch(store)
        case .index: try index(store)
        case .textIndex: try textIndex(store)
        case .compact(let strategy): try compact(store, strategy)
        case .reembed(let dimension): try reembed(store, to: dimension)
        case .stopReembedding(let dimension): try stopReembedding(store, to: dimension)
        case .abortReembedding: try settle { try store.abortReembedding() }
        case .punch: try settle { try store.compact(.punch) }
        case .derive:
            derived += 1
            try settle { try DerivedIDs.make(store, derived, fileSystem) }
        case .flush: try settle(store.flush)
        case .failedBatch: failBatch(store)
        case .checkpoint: try settle { _ = try store.writing().turn { try $0.log.empty() } }
        case .whileReading(let steps):
            let reader = try VectorStore<Int64>.open(at: disk.directory, access: .readOnly, fileSystem: fileSystem)
            try reader.read { _ in try run(steps) }
        case .reopen:
            try close()
            try open()
        }
    }

    /// Opens the store that is there.
    func open() throws {
        store = try VectorStore<Int64>.open(
            at: disk.directory,
            fileSystem: fileSystem,
            options: .init(durability: durability)
        )
    }

    /// Makes a call that makes gathered writes durable, and changes nothing else.
    private func settle(_ call: () throws -> Void) throws {
        let last = states.count - 1
        if progress.acknowledged < last {
            note(Progress(acknowledged: progress.acknowledged, inFlight: last))
        }
        try call()
        note(Progress(acknowledged: last))
    }

    /// A compaction in small steps, with writes between them. Writes that would join a group are left out, since each
    /// step commits the group.
    private func compact(_ store: VectorStore<Int64>, _ strategy: CompactionStrategy) throws {
        try settle(store.flush)
        var calls = 0
        do {
            try store.compact(strategy, .small(rows: 4, dimension: dimension)) { [self] _ in
                calls += 1
                if isRelaxed || calls % 3 != 1 || calls > 12 { return }
                switch calls % 4 {
                case 0: try delete(store)
                case 1: try replace(store)
                case 2: try mixedBatch(store)
                default: try putBatch(store, count: 2)
                }
            }
        } catch let error as VectorStoreError where error.code == .busy {
            // More rows were written than were dead; rows that were moved stay moved.
        }
        try settle {}
    }

    /// A re-embedding in small batches, with writes between them. While it runs, the last state is the one in which it
    /// ends if nothing more is written.
    private func reembed(_ store: VectorStore<Int64>, to dimension: Int) throws {
        try settle(store.flush)
        func noteEnd() {
            states.append(current.reembedded(to: dimension))
            note(Progress(acknowledged: states.count - 2, inFlight: states.count - 1))
        }
        noteEnd()
        var calls = 0
        try store.reembed(dimension, nil, Pace { _ in }, .small(rows: 4, dimension: dimension)) { [self] _, _, old in
            calls += 1
            if !isRelaxed && calls % 2 == 0 && calls < 10 {
                states.removeLast()
                switch calls {
                case 2: try setMetadata(store)
                case 4: try mixedBatch(store)
                case 6: try delete(store)
                default: try replace(store)
                }
                noteEnd()
            }
            return old.map { CrashModel.reembedded($0, to: dimension) }
        }
        self.dimension = dimension
        note(Progress(acknowledged: states.count - 1))
    }

    private func stopReembedding(_ store: VectorStore<Int64>, to dimension: Int) throws {
        struct Stop: Error {}
        try settle(store.flush)
        var calls = 0
        do {
            try store.reembed(dimension, nil, Pace { _ in }, .small(rows: 2, dimension: dimension)) { _, _, old in
                calls += 1
                if calls == 3 { throw Stop() }
                return old.map { CrashModel.reembedded($0, to: dimension) }
            }
            throw CrashModel.Mismatch(what: "there were too few rows for a re-embedding to be stopped")
        } catch is Stop {}
        try settle {}
    }

    /// A batch that joins a group and fails.
    private func failBatch(_ store: VectorStore<Int64>) {
        let row = nextRow(nextID)
        let gone = someIDs(0.3)
        try? store.write { batch in
            for id in gone { batch.delete(id) }
            try batch.patchMetadataJSON("{\"failed\":true}", where: "true")
            try batch.put(row.vector, for: nextID)
            throw CancellationError()
        }
    }

    /// Makes a call that changes the state to `next`. If it joins a group, the disk keeps its state.
    private func change(to next: CrashModel, isDurable: Bool = false, _ call: () throws -> Void) throws {
        let index = states.count - 1
        states.append(next)
        if isRelaxed && !isDurable { return try call() }
        note(Progress(acknowledged: index, inFlight: index + 1))
        try call()
        note(Progress(acknowledged: index + 1))
    }

    private func nextRow(_ id: Int64) -> (vector: [Float], metadata: String?) {
        version += 1
        let metadata = version % 3 == 0 ? nil : "{\"version\":\(version), \"name\":\"row \(id)\"}"
        return (CrashModel.vector(id, version: version, dimension: dimension), metadata)
    }

    private var current: CrashModel { states[states.count - 1] }

    private func someIDs(_ share: Double) -> [Int64] {
        current.ids.filter { _ in Double.random(in: 0..<1, using: &generator) < share }
    }

    private func putBatch(_ store: VectorStore<Int64>, count: Int) throws {
        var next = current
        let ids = nextID..<nextID + Int64(count)
        nextID += Int64(count)
        let rows = ids.map { (id: $0, row: nextRow($0)) }
        for (id, row) in rows { next.put(id, row.vector, row.metadata) }
        try change(to: next) {
            try store.write { batch in
                for (id, row) in rows { try batch.put(row.vector, for: id, metadataJSON: row.metadata) }
            }
        }
    }

    private func replace(_ store: VectorStore<Int64>) throws {
        guard let id = current.ids.randomElement(using: &generator) else { return }
        var next = current
        let row = nextRow(id)
        let old: OldMetadata = version % 2 == 0 ? .drop : .keep
        next.replace(id, row.vector, row.metadata, old)
        try change(to: next) {
            try store.put(row.vector, for: id, metadataJSON: row.metadata, replacing: true, oldMetadata: old)
        }
    }

    private func delete(_ store: VectorStore<Int64>, erasing: Bool = false) throws {
        let ids = someIDs(0.4)
        if ids.isEmpty { return }
        var next = current
        for id in ids { next.rows[id] = nil }
        try settle(store.flush)
        try change(to: next, isDurable: true) {
            if erasing { try store.erase(ids) } else { try store.delete(ids) }
        }
    }

    private func setMetadata(_ store: VectorStore<Int64>) throws {
        guard let id = current.ids.randomElement(using: &generator) else { return }
        var next = current
        version += 1
        let metadata = version % 4 == 0 ? nil : "{\"changed\": \(version)}"
        next.rows[id]?.metadata = metadata
        try change(to: next) { try store.setMetadataJSON(metadata, for: id) }
    }

    /// Patches the rows that a filter passes.
    private func patch(_ store: VectorStore<Int64>) throws {
        var next = current
        version += 1
        let remainder = Int64(version % 3)
        let patch = "{\"patched\":\(version),\"\(version % 2 == 0 ? "name" : "version")\":null}"
        for id in next.ids where id % 3 != remainder { try next.patch(id, patch) }
        try change(to: next) {
            try store.patchMetadataJSON(patch, where: "id % 3 <> \(remainder)")
        }
    }

    private func index(_ store: VectorStore<Int64>) throws {
        try toggle("patched") {
            if $0 { try store.createMetadataIndex(on: "patched") } else { try store.dropMetadataIndex(on: "patched") }
        }
    }

    private func textIndex(_ store: VectorStore<Int64>) throws {
        try toggle("name") { if $0 { try store.createTextIndex(on: ["name"]) } else { try store.dropTextIndex() } }
    }

    /// Makes the index on a field, or drops it.
    private func toggle(_ field: String, _ call: (_ makes: Bool) throws -> Void) throws {
        var next = current
        let makes = !next.indexes.contains(field)
        next.indexes.formSymmetricDifference([field])
        try settle { try store?.flush() }
        try change(to: next, isDurable: true) { try call(makes) }
    }

    private func mixedBatch(_ store: VectorStore<Int64>) throws {
        var next = current
        let deleted = someIDs(0.2)
        let replaced = someIDs(0.2).filter { !deleted.contains($0) }.map { (id: $0, row: nextRow($0)) }
        let added = nextID
        nextID += 1
        let row = nextRow(added)
        for id in deleted { next.rows[id] = nil }
        for (id, row) in replaced { next.replace(id, row.vector, row.metadata, .keep) }
        next.put(added, row.vector, row.metadata)
        let patch = "{\"patched\":\(version)}"
        try next.patch(added, patch)
        try change(to: next) {
            try store.write { batch in
                for id in deleted { batch.delete(id) }
                for (id, row) in replaced {
                    try batch.put(row.vector, for: id, metadataJSON: row.metadata, replacing: true)
                }
                try batch.put(row.vector, for: added, metadataJSON: row.metadata)
                try batch.patchMetadataJSON(patch, for: added)
            }
        }
    }
}
