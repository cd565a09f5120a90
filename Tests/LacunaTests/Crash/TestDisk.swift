import CLacunaSQLite
import CLacunaTestVFS
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The simulated disk under one store's directory. Every operation of Lacuna (through ``FaultyFileSystem``) and of
/// SQLite (through the test VFS) passes through here, is recorded, and may be made to fail.
///
/// Programs read the files of a directory in a file system in memory. ``DiskModel`` knows what a power cut would leave
/// of them, byte for byte and name for name. Disks are distinguished by directory, so tests that run at the same time
/// don't see one another's disks.
final class TestDisk: Sendable {
    private struct State {
        var log: [DiskOperation] = []
        var model = DiskModel()
        var fault: DiskFault?
        var failures = 0
        var stopAt: Int?
        var isStopped = false
        var records = false
        var moments: [Moment] = []
        var hasChanged = true
        var progress = Progress()
        var hook: Hook?
    }

    /// An action before an operation, after the next `left` operations.
    private struct Hook {
        var left: Int
        let action: @Sendable () -> Void
    }

    /// The path with which the disk was made. It may have another path since.
    let directory: String
    private let number: Int64
    private let state = Guarded(State())
    private let willChange: @Sendable (DiskOperation) -> Void

    private struct Registry {
        /// The disks by the paths with which they were made, until something there is opened.
        var numbers: [String: Int64] = [:]
        /// The disks by their directories, from then on: a path may lead to another directory later.
        var directories: [FileIdentity: Int64] = [:]
        var disks: [Int64: TestDisk] = [:]
        var next: Int64 = 1

        mutating func number(_ path: String) -> Int64 {
            let identity = Self.identity(path)
            if let identity, let known = directories[identity] { return known }
            let target = TestDisk.link(path)
            guard let number = numbers[target], !directories.values.contains(number) else { return 0 }
            if let identity { directories[identity] = number }
            return number
        }

        static func identity(_ path: String) -> FileIdentity? {
            var buffer = stat()
            return unsafe stat(path, &buffer) == 0 ? FileIdentity(buffer) : nil
        }

        mutating func remove(_ disk: TestDisk) {
            numbers[disk.directory] = nil
            disks[disk.number] = nil
            directories = directories.filter { $0.value != disk.number }
        }
    }

    private static let registry = Guarded(Registry())
    private static let isInstalled: Bool = {
        let code = unsafe ctest_vfs_install(
            { path in
                guard let path = unsafe path else { return 0 }
                let directory = unsafe Directory.parent(of: String(cString: path))
                return TestDisk.registry.withLock { $0.number(directory) }
            },
            { number, operation, name in
                guard let name = unsafe name else { return SQLITE_OK }
                return unsafe TestDisk.sqliteWants(number, operation, String(cString: name))
            },
            { number, operation, name, bytes, offset, count in
                guard let name = unsafe name else { return }
                let buffer = unsafe UnsafeRawBufferPointer(start: bytes, count: Int(count))
                unsafe TestDisk.sqliteDid(number, operation, String(cString: name), buffer, offset)
            }
        )
        return code == SQLITE_OK
    }()

    /// Calls `body` with the disk of a directory in which nothing has been opened yet, or whose files `model` knows.
    static func with<R>(
        _ directory: String,
        _ model: DiskModel = DiskModel(),
        _ body: (TestDisk) throws -> R
    ) throws -> R {
        let disk = try make(directory, model)
        defer { disk.remove() }
        return try body(disk)
    }

    /// The same; the caller must remove the disk. `willChange` is called before each operation that changes files.
    static func make(
        _ directory: String,
        _ model: DiskModel,
        willChange: @escaping @Sendable (DiskOperation) -> Void = { _ in }
    ) throws -> TestDisk {
        try #require(isInstalled)
        return registry.withLock { registry in
            let disk = TestDisk(directory, registry.next, model, willChange)
            registry.next += 1
            registry.numbers[directory] = disk.number
            if let identity = Registry.identity(directory) { registry.directories[identity] = disk.number }
            registry.disks[disk.number] = disk
            return disk
        }
    }

    func remove() { Self.registry.withLock { $0.remove(self) } }

    /// The disk of the directory that a path leads to.
    static func at(_ path: String) -> TestDisk? { registry.withLock { $0.disks[$0.number(path)] } }

    /// Calls `body` with a disk that holds these files and no others, all of them durable.
    static func holding<R>(_ files: [String: FileImage]?, _ body: (TestDisk) throws -> R) throws -> R {
        try booting(files ?? [:], files.map { DiskModel(holding: $0) } ?? DiskModel(), body)
    }

    /// Calls `body` with the disk of that moment, as the next process finds it after this one was killed.
    static func killed<R>(at moment: Moment, _ body: (TestDisk) throws -> R) throws -> R {
        try booting(moment.model.liveFiles, moment.model, body)
    }

    private static func booting<R>(
        _ files: [String: FileImage],
        _ model: DiskModel,
        _ body: (TestDisk) throws -> R
    ) throws -> R {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            if model.hasDirectory || !files.isEmpty { try materialise(files, at: path) }
            return try with(path, model, body)
        }
    }

    /// Makes a directory with these files.
    static func materialise(_ files: [String: FileImage], at path: String) throws {
        try TestFiles.makeDirectory(path)
        // The lock files are older than all others, and one sync of the directory makes all names durable.
        if !files.isEmpty { try TestFiles.write([], to: path + "/" + StorePaths.writerLockName) }
        for (name, image) in files { try image.materialise(at: path + "/" + name) }
    }

    private init(
        _ directory: String,
        _ number: Int64,
        _ model: DiskModel,
        _ willChange: @escaping @Sendable (DiskOperation) -> Void
    ) {
        self.directory = directory
        self.number = number
        self.willChange = willChange
        state.withLock { $0.model = model }
    }

    // MARK: Called by tests

    var fileSystem: FaultyFileSystem { FaultyFileSystem(disk: self) }
    var log: [DiskOperation] { state.withLock { $0.log } }
    /// The number of operations that were made to fail.
    var failures: Int { state.withLock { $0.failures } }
    /// The recorded moments: those at which a crash would leave another state.
    var moments: [Moment] { state.withLock { $0.moments } }
    /// The operations that have changed files, or may have.
    var changes: [DiskOperation] { log.filter(\.kind.changesFiles) }
    var isStopped: Bool { state.withLock { $0.isStopped } }
    /// The present moment.
    var now: Moment { state.withLock { Self.now($0) } }

    func inject(_ fault: DiskFault?) {
        state.withLock {
            $0.fault = fault
            $0.failures = 0
        }
    }

    /// After `count` more operations that change files, nothing happens any more, as if the process was killed.
    func stop(after count: Int) { state.withLock { $0.stopAt = count } }

    /// Makes `action` run after `count` more operations of any kind, before the next one.
    func before(_ count: Int, _ action: @escaping @Sendable () -> Void) {
        state.withLock { $0.hook = Hook(left: count, action: action) }
    }

    /// Begins the next process after a kill: everything that was written is in the kernel's cache.
    func restart() {
        state.withLock {
            $0.stopAt = nil
            $0.isStopped = false
        }
    }

    /// Begins (or ends) to record each moment at which a crash would leave another state.
    func record(_ records: Bool = true) {
        state.withLock {
            $0.records = records
            $0.hasChanged = true
        }
    }

    /// Notes the workload's progress; each change of it is a moment of its own.
    func note(_ progress: Progress) {
        state.withLock { state in
            if state.progress == progress { return }
            state.progress = progress
            state.hasChanged = true
            Self.recordMoment(&state)
        }
    }

    private static func now(_ state: State) -> Moment {
        Moment(model: state.model, operation: state.log.count, progress: state.progress)
    }

    private static func recordMoment(_ state: inout State) {
        guard state.records, state.hasChanged else { return }
        state.hasChanged = false
        state.moments.append(now(state))
    }

    // MARK: Called by the two seams

    /// The errno with which the operation must fail, or nil.
    func wants(_ operation: DiskOperation) -> Int32? {
        dueAction()?()
        if operation.kind.changesFiles { willChange(operation) }
        return state.withLock { state in
            if operation.kind.changesFiles {
                Self.recordMoment(&state)
                if let left = state.stopAt {
                    if left == 0 { state.isStopped = true } else { state.stopAt = left - 1 }
                }
            }
            if state.isStopped { return EIO }
            state.log.append(operation)
            guard var fault = state.fault, fault.matches(operation) else { return nil }
            let fails = fault.skipping == 0 && fault.times > 0
            if fault.skipping > 0 { fault.skipping -= 1 } else if fails { fault.times -= 1 }
            state.fault = fault
            guard fails else { return nil }
            state.failures += 1
            if operation.kind == .sync || operation.kind == .writeback {
                let reachesDisk = fault.reachesDisk && operation.kind == .sync
                if reachesDisk { state.model.sync(operation.name) } else { state.model.failSync(operation.name) }
                state.hasChanged = true
            }
            return fault.errno
        }
    }

    private func dueAction() -> (@Sendable () -> Void)? {
        state.withLock { state in
            guard let hook = state.hook else { return nil }
            state.hook = hook.left == 0 ? nil : Hook(left: hook.left - 1, action: hook.action)
            return hook.left == 0 ? hook.action : nil
        }
    }

    /// Notes that the operation happened; `change` is its effect on the file's bytes.
    func did(_ operation: DiskOperation, _ change: FileChange? = nil) {
        state.withLock { state in
            // The writer's lock file, which isn't made through the seam, gets its first bytes.
            if change != nil, !state.model.contains(operation.name) { state.model.create(operation.name) }
            if let change { state.model.apply(change, to: operation.name) }
            switch operation.kind {
            case .create: state.model.create(operation.name)
            case .unlink: state.model.unlink(operation.name)
            case .rename: state.model.rename(operation.name, to: operation.newName)
            case .syncDirectory where operation.name == "..": state.model.syncParent()
            case .syncDirectory: state.model.syncDirectory()
            case .sync: state.model.sync(operation.name)
            case .open, .read, .writeback: return
            case .write, .allocate, .truncate, .punch: break
            }
            state.hasChanged = true
        }
    }

    /// The last component of the path with which a descriptor was opened.
    static func name(of descriptor: Int32) -> String {
        String(link("/proc/self/fd/\(descriptor)").split(separator: "/").last ?? "?")
    }

    /// The target of a link; for any other path, the path itself.
    static func link(_ path: String) -> String {
        var buffer = [CChar](repeating: 0, count: 4_096)
        let count = unsafe readlink(path, &buffer, buffer.count)
        return count < 0 ? path : String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func disk(_ number: Int64) -> TestDisk? { registry.withLock { $0.disks[number] } }
}
