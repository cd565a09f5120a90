import Testing

@testable import Lacuna

/// The files with which an exploration begins.
struct SwapStores: Sendable {
    /// A store's files, and the states in which it may be when it is opened.
    struct Start: Sendable {
        let files: [String: FileImage]
        let states: [CrashModel]
    }

    let closed: Start
    /// An older copy of the store, with a log.
    let backup: [String: FileImage]
    /// Another store of the same shape.
    let other: [String: FileImage]
    /// The files on the disk when a call was killed half way.
    let killed: [Scenario: Start]

    init(dimension: Int, killing scenarios: [Scenario]) throws {
        other = try Self.files { disk in try Scenario.prepare(disk, dimension: dimension).0.close() }
        (closed, backup) = try Self.closedAndBackup(dimension)
        killed = try Dictionary(uniqueKeysWithValues: scenarios.map { ($0, try Self.killed($0, dimension)) })
    }

    private static func closedAndBackup(_ dimension: Int) throws -> (Start, [String: FileImage]) {
        var model = CrashModel()
        var backup: [String: FileImage] = [:]
        let files = try files { disk in
            let store: VectorStore<Int64>
            (store, model) = try Scenario.prepare(disk, dimension: dimension)
            backup = disk.now.model.liveFiles.mapValues(\.asRead)
            try store.close()
            let again = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
            let vector = CrashModel.vector(50, version: 0, dimension: dimension)
            try again.put(vector, for: 50)
            try again.delete(20)
            model.put(50, vector, nil)
            model.rows[20] = nil
            try again.close()
        }
        return (Start(files: files, states: [model]), backup)
    }

    private static func killed(_ scenario: Scenario, _ dimension: Int) throws -> Start {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let (store, before) = try Scenario.prepare(disk, dimension: dimension)
                disk.record()
                try scenario.call(store, dimension: dimension)
                let moments = disk.moments
                return Start(
                    files: moments[moments.count * 2 / 3].model.liveFiles,
                    states: [before, scenario.result(before, dimension: dimension)]
                )
            }
        }
    }

    private static func files(_ make: (TestDisk) throws -> Void) throws -> [String: FileImage] {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                try make(disk)
                return try read(disk.directory)
            }
        }
    }

    private static func read(_ directory: String) throws -> [String: FileImage] {
        var files: [String: FileImage] = [:]
        for name in try Directory.names(directory) {
            files[name] = FileImage(try TestFiles.read(directory + "/" + name))
        }
        return files
    }
}

/// One call on a store whose directory is swapped during the call, and the checks afterwards.
struct SwapRun {
    let work: SwapExplorationTests.Work
    let swap: Swap
    let dimension: Int
    let stores: SwapStores

    private var start: SwapStores.Start {
        if case .recovering(let scenario) = work, let killed = stores.killed[scenario] { return killed }
        return stores.closed
    }

    private var replacement: [String: FileImage] {
        switch swap {
        case .renamed, .linkFlipped: stores.other
        case .removed: [:]
        case .replacedByBackup, .filesReplaced: stores.backup
        }
    }

    /// The states that the call makes, one after the other; those after a crash are all possible.
    private var states: [CrashModel] {
        let before = start.states
        switch work {
        case .call(let scenario): return before + [scenario.result(before[0], dimension: dimension)]
        case .batches: return before + (1...Self.batches).map { put(through: $0, before[0]) }
        case .relaxed: return before + [put(through: Self.batches, before[0])]
        case .closing: return before + [put(through: 1, before[0])]
        case .opening, .reading, .recovering: return before
        }
    }

    private static let batches = 3

    private func ids(of batch: Int) -> Range<Int64> { Int64(100 * batch)..<Int64(100 * batch + 4) }

    private func put(through batches: Int, _ before: CrashModel) -> CrashModel {
        var after = before
        for id in (1...batches).flatMap(ids(of:)) {
            after.put(id, CrashModel.vector(id, version: 0, dimension: dimension), nil)
        }
        return after
    }

    private func put(_ batch: Int, _ store: VectorStore<Int64>) throws {
        try store.write { rows in
            for id in ids(of: batch) { try rows.put(CrashModel.vector(id, version: 0, dimension: dimension), for: id) }
        }
    }

    /// Returns false if the call ended before the operation came.
    func swaps(before count: Int) throws -> Bool {
        try TestFiles.withDirectory { parent in
            let swapped = try SwappedStore(swap, in: parent, store: start.files, other: replacement)
            return try TestDisk.with(swapped.path) { disk in
                let course = Course(disk, swapped, count)
                let acknowledged = try call(course)
                guard course.hasSwapped else { return false }
                // Between the last check and the removal of SQLite's log, another file in the log's place isn't
                // noticed.
                let isLogAtRisk = swap == .filesReplaced && course.hasSwappedWhileClosing
                try swapped.checkOther(replacement.filter { $0.key != StorePaths.logName || !isLogAtRisk })
                if let path = swapped.movedPath { try checkMoved(path, acknowledged) }
                return true
            }
        }
    }

    /// The progress of a run.
    private final class Course: Sendable {
        private struct State {
            var hasSwapped = false
            var hasSwappedBeforeClosing: Bool?
        }

        let disk: TestDisk
        private let swapped: SwappedStore
        private let count: Int
        private let state = Guarded(State())

        init(_ disk: TestDisk, _ swapped: SwappedStore, _ count: Int) {
            self.disk = disk
            self.swapped = swapped
            self.count = count
        }

        var hasSwapped: Bool { state.withLock { $0.hasSwapped } }
        var hasSwappedWhileClosing: Bool { state.withLock { $0.hasSwappedBeforeClosing == false } }

        /// Makes operations count from now on.
        func begin() {
            disk.before(count) { [self] in
                swapped.take()
                state.withLock { $0.hasSwapped = true }
            }
        }

        func close(_ store: VectorStore<Int64>) throws {
            state.withLock { $0.hasSwappedBeforeClosing = $0.hasSwapped }
            try store.close()
        }
    }

    /// Makes the call; returns the number of states that were acknowledged after the first.
    private func call(_ course: Course) throws -> Int {
        let disk = course.disk
        var acknowledged = 0
        switch work {
        case .reading:
            course.begin()
            try endsClearly { try read(disk) }
        case .opening, .recovering:
            course.begin()
            try endsClearly {
                let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
                if course.hasSwapped { try expectRefusals(store) }
                try course.close(store)
            }
        case .call, .batches, .relaxed, .closing:
            let durability: Durability = if case .relaxed = work { .relaxed(interval: .seconds(3_600)) } else { .full }
            let store = try VectorStore<Int64>.open(
                at: disk.directory,
                fileSystem: disk.fileSystem,
                options: .init(durability: durability)
            )
            course.begin()
            try endsClearly { try write(store, &acknowledged) }
            if course.hasSwapped { try expectRefusals(store) }
            try endsClearly { try course.close(store) }
        }
        return acknowledged
    }

    private func write(_ store: VectorStore<Int64>, _ acknowledged: inout Int) throws {
        switch work {
        case .call(let scenario):
            try scenario.call(store, dimension: dimension)
            acknowledged = 1
        case .batches:
            for batch in 1...Self.batches {
                try put(batch, store)
                acknowledged = batch
            }
        case .relaxed:
            for batch in 1...Self.batches { try put(batch, store) }
            try store.flush()
            acknowledged = 1
        case .closing:
            try put(1, store)
            acknowledged = 1
        case .opening, .reading, .recovering: break
        }
    }

    /// Checks that a handle reads from the store that it has opened, whichever store is at the path.
    private func read(_ disk: TestDisk) throws {
        let store = try VectorStore<Int64>.open(at: disk.directory, access: .readOnly, fileSystem: disk.fileSystem)
        defer { try? store.close() }
        for _ in 0..<2 {
            let found = try CrashModel(of: store)
            if found != states[0] && swap != .filesReplaced {
                throw CrashModel.Mismatch(what: "read \(found.difference(from: states[0]))")
            }
        }
        _ = try store.verify()
    }

    /// Checks that an error says what to do.
    private func endsClearly(_ body: () throws -> Void) throws {
        do { try body() } catch let error as VectorStoreError {
            if ![.moved, .busy, .damaged].contains(error.code) { throw error }
        }
    }

    private func expectRefusals(_ store: VectorStore<Int64>) throws {
        let row = CrashModel.vector(999, version: 0, dimension: dimension)
        let calls: [(String, () throws -> Void)] = [
            ("put", { try store.put(row, for: 999) }), ("delete", { try store.delete(1) }),
            ("compact", { try store.compact(.rewrite) }), ("erase", { try store.erase([1]) }),
        ]
        for (name, call) in calls {
            do {
                try call()
                throw CrashModel.Mismatch(what: "\(name) worked afterwards")
            } catch let error as VectorStoreError where [.moved, .closed].contains(error.code) {}
        }
    }

    private func checkMoved(_ path: String, _ acknowledged: Int) throws {
        let store = try VectorStore<Int64>.open(at: path)
        let found = try CrashModel(of: store)
        let report = try store.verify()
        try store.close()
        if !report.isSound { throw CrashModel.Mismatch(what: "the moved store: \(report)") }
        let allowed = states[acknowledged...min(acknowledged + 1, states.count - 1)]
        if allowed.contains(found) { return }
        throw CrashModel.Mismatch(what: "the moved store: \(allowed.map { found.difference(from: $0) })")
    }
}

extension FileImage {
    /// The image as it would be read from a file.
    fileprivate var asRead: FileImage {
        var image = FileImage(bytes)
        image.setLength(length)
        return image
    }
}
