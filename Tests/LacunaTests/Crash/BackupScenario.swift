@testable import Lacuna

/// One call that makes a backup, or puts one back, in a tree of a store and perhaps an earlier backup.
enum BackupScenario: String, CaseIterable, Sendable {
    /// A backup is made where there is none.
    case whole
    /// An earlier backup is brought up to date with the rows appended since.
    case appending
    /// The same, if a shell that was killed has left a log there.
    case appendingBesideALog
    /// After a compaction, a whole backup takes the place of an earlier one.
    case replacing
    case replacingInTwoSteps
    /// A backup takes the place of a store that was killed.
    case restoring
    case restoringInTwoSteps
    /// A backup is put where there is no store.
    case restoringAnew

    /// The state before the call, and the one that must be there after it.
    struct Start: Sendable {
        /// Each directory's files.
        var directories: [String: [String: FileImage]] = [:]
        /// The contents of the source, which don't change.
        let source: CrashModel
        /// The contents at the place before the call; nil if nothing is there.
        var before: CrashModel?
        /// The contents at the place after the call.
        let after: CrashModel
    }

    static let store = "store"
    static let backup = "backup"
    private static let dimension = 64

    var isRestoring: Bool { [.restoring, .restoringInTwoSteps, .restoringAnew].contains(self) }
    /// The name of the directory that is copied.
    var source: String { isRestoring ? Self.backup : Self.store }
    /// The name of the place to which it is copied.
    var place: String { self == .restoringAnew ? "anew" : isRestoring ? Self.store : Self.backup }
    /// Whether the file system can exchange two names in one step.
    var exchanges: Bool { self != .replacingInTwoSteps && self != .restoringInTwoSteps }

    /// Makes a store with a log, and a backup from before its last commits.
    func prepare() throws -> Start {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/" + Self.store) { disk in
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: Self.dimension, metric: .euclidean),
                    fileSystem: disk.fileSystem
                )
                try put(Int64(1)...24, store)
                try store.delete([3, 4, 17])
                try store.backup(to: parent + "/" + Self.backup)
                let (older, backup) = try backup(files(parent + "/" + Self.backup))
                try put(Int64(30)...40, store)
                if [.replacing, .replacingInTwoSteps].contains(self) { try store.compact(.rewrite) }
                try store.delete([7, 31])
                try store.setMetadataJSON("{\"changed\":true}", for: 5)
                let newer = try CrashModel(of: store)
                var start =
                    isRestoring
                    ? Start(source: older, before: newer, after: older)
                    : Start(source: newer, before: older, after: newer)
                if self == .whole || self == .restoringAnew { start.before = nil }
                start.directories[Self.store] = disk.now.model.liveFiles
                if self != .whole { start.directories[Self.backup] = backup }
                try store.close()
                return start
            }
        }
    }

    /// Makes a backup of these files as it is before the call; returns its contents and its files.
    private func backup(_ files: [String: FileImage]) throws -> (CrashModel, [String: FileImage]) {
        try TestDisk.holding(files) { disk in
            let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
            if self != .appendingBesideALog { return (try CrashModel(of: store), files) }
            try rawConnection(disk.directory + "/index.sqlite").run("DELETE FROM metadata WHERE id = 1")
            let killed = disk.now.model.liveFiles
            return (try CrashModel(of: store), killed)
        }
    }

    private func files(_ directory: String) throws -> [String: FileImage] {
        var files: [String: FileImage] = [:]
        for name in try Directory.names(directory) {
            files[name] = FileImage(try TestFiles.read(directory + "/" + name))
        }
        return files
    }

    private func put(_ ids: ClosedRange<Int64>, _ store: VectorStore<Int64>) throws {
        try store.write { batch in
            for id in ids {
                let vector = CrashModel.vector(id, version: 0, dimension: Self.dimension)
                try batch.put(vector, for: id, metadataJSON: "{\"name\":\"row \(id)\"}")
            }
        }
    }

    /// Makes the call below `parent`. `before` and `after` are called right before and after it; `after` gets the path
    /// of the store that was at the place, if it is kept.
    func call(
        _ parent: String,
        _ fileSystem: any FileSystem,
        incremental: Bool,
        before: () -> Void = {},
        after: (_ aside: String?) -> Void = { _ in }
    ) throws {
        let (source, place) = (parent + "/" + source, parent + "/" + place)
        let options = MaintenanceOptions()
        if isRestoring {
            before()
            after(
                try VectorStoreBackup.restore(source, to: place, options: options, fileSystem: fileSystem) { _ in }
                    .movedAside
            )
        } else {
            let store = try VectorStore<Int64>.open(at: source, fileSystem: fileSystem)
            before()
            _ = try store.backup(to: place, incremental: incremental, options: options, fileSystem: fileSystem) { _ in }
            after(nil)
            try store.close()
        }
    }
}
