@testable import Lacuna

/// A seeded sequence of everything a store does, beside a model of what it must hold after each step.
final class Workload {
    private let disk: TestDisk
    private let dimension: Int
    private var generator: SplitMix64
    private var store: VectorStore<Int64>?
    private var version = 0
    private var nextID: Int64 = 1
    private var fileSystem: FaultyFileSystem
    private let durability: Durability
    private var isRelaxed: Bool { durability != .full }
    /// The state before each call that changes something, and at the end the last one. A call's index is what
    /// ``PowerCut/Progress`` counts.
    private(set) var states: [CrashModel] = [CrashModel()]
    /// The states that a store may be in after what happened so far.
    private(set) var progress = PowerCut.Progress()

    init(_ disk: TestDisk, dimension: Int, seed: UInt64, isRelaxed: Bool = false) {
        durability = isRelaxed ? .relaxed(interval: .seconds(3_600)) : .full
        self.disk = disk
        self.dimension = dimension
        generator = SplitMix64(seed: seed)
        fileSystem = disk.fileSystem
        fileSystem.writesShort = seed % 2 == 1
    }

    /// Creates the store and takes `steps` steps; throws as soon as a call does.
    func run(steps: Int) throws {
        note(PowerCut.Progress(acknowledged: -1, inFlight: 0))
        store = try VectorStore<Int64>.create(
            at: disk.directory,
            .init(dimension: dimension, metric: .euclidean),
            fileSystem,
            .init(durability: durability)
        )
        note(PowerCut.Progress(acknowledged: 0))
        for step in 0..<steps { try self.step(step) }
        try settle { try store?.close() }
        store = nil
    }

    private func note(_ progress: PowerCut.Progress) {
        self.progress = progress
        disk.note(acknowledged: progress.acknowledged, inFlight: progress.inFlight)
    }

    private func step(_ number: Int) throws {
        guard let store else { return }
        if isRelaxed && number % 6 == 5 { try settle(store.flush) }
        if isRelaxed && number % 3 == 1 { failBatch(store) }
        switch number < 3 ? 0 : Int.random(in: 0..<14, using: &generator) {
        case 0...3: try putBatch(store, count: Int.random(in: 1...8, using: &generator))
        case 4: try replace(store)
        case 5: try delete(store)
        case 6: try delete(store, erasing: true)
        case 7: try setMetadata(store)
        case 8...9: try mixedBatch(store)
        case 10: try compact(store, .rewrite)
        case 11: try compact(store, .inPlace)
        case 12: try settle { try store.punchHoles() }
        default:
            try settle(store.close)
            self.store = nil
            self.store = try VectorStore<Int64>.open(
                at: disk.directory,
                .readWrite,
                fileSystem,
                .init(durability: durability)
            )
        }
    }

    /// A call that makes durable what was gathered, and changes nothing else.
    private func settle(_ call: () throws -> Void) throws {
        let last = states.count - 1
        if progress.acknowledged < last {
            note(PowerCut.Progress(acknowledged: progress.acknowledged, inFlight: last))
        }
        try call()
        note(PowerCut.Progress(acknowledged: last))
    }

    /// A compaction in small steps, with writes between them; where those would join a group, they are left out, since
    /// each step commits it.
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
            // More rows were written than there were dead ones: what was moved stays moved.
        }
        try settle {}
    }

    /// A batch that joins a group and leaves it again.
    private func failBatch(_ store: VectorStore<Int64>) {
        let row = nextRow(nextID)
        let gone = someIDs(0.3)
        try? store.write { batch in
            for id in gone { batch.delete(id) }
            try batch.put(row.vector, for: nextID)
            throw CancellationError()
        }
    }

    /// A call that changes the state to `next`; where it joins a group, the disk keeps the state that it has.
    private func change(to next: CrashModel, isDurable: Bool = false, _ call: () throws -> Void) throws {
        let index = states.count - 1
        states.append(next)
        if isRelaxed && !isDurable { return try call() }
        note(PowerCut.Progress(acknowledged: index, inFlight: index + 1))
        try call()
        note(PowerCut.Progress(acknowledged: index + 1))
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
        next.put(id, row.vector, row.metadata)
        try change(to: next) {
            try store.put(row.vector, for: id, metadataJSON: row.metadata, replacing: true)
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

    private func mixedBatch(_ store: VectorStore<Int64>) throws {
        var next = current
        let deleted = someIDs(0.2)
        let replaced = someIDs(0.2).filter { !deleted.contains($0) }.map { (id: $0, row: nextRow($0)) }
        let added = nextID
        nextID += 1
        let row = nextRow(added)
        for id in deleted { next.rows[id] = nil }
        for (id, row) in replaced { next.put(id, row.vector, row.metadata) }
        next.put(added, row.vector, row.metadata)
        try change(to: next) {
            try store.write { batch in
                for id in deleted { batch.delete(id) }
                for (id, row) in replaced {
                    try batch.put(row.vector, for: id, metadataJSON: row.metadata, replacing: true)
                }
                try batch.put(row.vector, for: added, metadataJSON: row.metadata)
            }
        }
    }
}
