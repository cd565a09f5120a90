import TestSupport

@testable import Lacuna

/// The simulated disk under several directories of one parent: a ``TestDisk`` for the files in each of them, and a
/// ``NameTable`` for their names, which calls exchange or change.
final class TestTree: Sendable {
    /// The whole tree at one moment.
    struct Moment: Sendable {
        let names: NameTable
        /// By the directories' numbers.
        let directories: [DiskModel]
        /// The next operation, or that the call had returned.
        let next: String
        let hasReturned: Bool

        /// The directories, with their files, that a power cut leaves.
        func afterPowerCut(_ cut: TreePowerCut) -> [String: [String: FileImage]] {
            var generator = SplitMix64(seed: 0)
            if case .some(let seed) = cut.names { generator = SplitMix64(seed: seed) }
            return names.afterPowerCut(cut.names, &generator).mapValues { number in
                directories[number].afterPowerCut(cut.files(number)) ?? [:]
            }
        }
    }

    private struct State {
        var names = NameTable()
        var disks: [TestDisk] = []
        var records = false
        var moments: [Moment] = []
        var hasReturned = false
    }

    let directory: Directory
    private let state = Guarded(State())

    /// Calls `body` with a tree that holds these directories and no others, all of them durable.
    static func holding<R>(
        _ directories: [String: [String: FileImage]],
        _ body: (TestTree) throws -> R
    ) throws -> R {
        try TestFiles.withDirectory { path in
            let tree = TestTree(try Directory(path))
            defer { tree.state.withLock { $0.disks }.forEach { $0.remove() } }
            let directories = directories.sorted { $0.key < $1.key }
            for (name, files) in directories {
                try TestDisk.materialise(files, at: tree.directory.path(name))
                try tree.add(name, DiskModel(holding: files))
            }
            tree.state.withLock { $0.names = NameTable(durable: directories.map(\.key)) }
            return try body(tree)
        }
    }

    private init(_ directory: Directory) { self.directory = directory }

    var fileSystem: TreeFileSystem { TreeFileSystem(tree: self) }
    var moments: [Moment] { state.withLock { $0.moments } }

    /// Begins to record the moment before each operation that changes something.
    func record() { state.withLock { $0.records = true } }

    /// Records the last moment, after the call has returned.
    func finish() {
        state.withLock { $0.hasReturned = true }
        willChange("the call has returned")
        state.withLock { $0.records = false }
    }

    func willChange(_ next: String) {
        state.withLock { state in
            guard state.records else { return }
            let directories = state.disks.map(\.now.model)
            state.moments.append(
                Moment(names: state.names, directories: directories, next: next, hasReturned: state.hasReturned)
            )
        }
    }

    /// Notes an operation on the names.
    func didChange(_ change: (inout NameTable) -> Void) { state.withLock { change(&$0.names) } }

    /// Notes that a directory was made.
    func didCreate(_ name: String) throws {
        try add(name, DiskModel(holding: [:]))
        state.withLock { $0.names.create(name, $0.disks.count - 1) }
    }

    private func add(_ name: String, _ model: DiskModel) throws {
        let disk = try TestDisk.make(directory.path(name), model) { [weak self] operation in
            self?.willChange("\(operation) in \(name)")
        }
        state.withLock { $0.disks.append(disk) }
    }
}

/// Says what a power cut leaves of the directories' names, and of their files.
struct TreePowerCut: Sendable, CustomStringConvertible {
    let names: Survival
    let contents: Survival

    /// All pairs of extremes, and some seeded power cuts.
    static func all(seeds: Range<UInt64>) -> [TreePowerCut] {
        let extremes = Survival.extremes.flatMap { names in
            Survival.extremes.map { TreePowerCut(names: names, contents: $0) }
        }
        return extremes + seeds.map { TreePowerCut(names: .some(seed: $0), contents: .some(seed: $0)) }
    }

    /// What is left of the files in the directory with this number.
    func files(_ number: Int) -> Survival {
        guard case .some(let seed) = contents else { return contents }
        var mixed = seed
        mixed.mix(UInt64(number))
        return .some(seed: mixed)
    }

    var description: String { "of the names \(names), of the files \(contents)" }
}
