import CSQLite
import CTestVFS
import Synchronization
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// One operation on a store's files.
struct DiskOperation: Equatable, Sendable, CustomStringConvertible {
    enum Kind: Sendable {
        case open, create, read, write, allocate, truncate, punch, sync, syncDirectory, unlink

        var changesFiles: Bool { self != .open && self != .read }
    }

    let kind: Kind
    /// The file's name in the store's directory; `..` for the directory's parent.
    let name: String
    let isSQLite: Bool

    var isOnDataFile: Bool { StorePaths.generation(ofDataFile: name) != nil }
    var isOnLog: Bool { name == StorePaths.indexName + "-wal" }
    var description: String { "\(kind) \(name)" }
}

/// What goes wrong: operations that match fail, after the first `skipping` of them, `times` times.
struct DiskFault: Sendable {
    var errno: Int32 = EIO
    var skipping = 0
    var times = 1
    /// Whether what a failed sync was to write reached the disk nevertheless: nobody can say, so both must do.
    var reachesDisk = false
    var matches: @Sendable (DiskOperation) -> Bool = { _ in true }
}

/// The disk under one store's directory: every operation of Lacuna's (through ``FaultyFileSystem``) and of SQLite's
/// (through the test VFS) passes here, is written down, and may be made to fail.
///
/// Disks are told apart by directory, so tests that run at the same time don't see one another's.
final class TestDisk: Sendable {
    private struct State {
        var log: [DiskOperation] = []
        var model = DiskModel()
        var fault: DiskFault?
        var failures = 0
        var stopAt: Int?
        var isStopped = false
        var records = false
        var cuts: [PowerCut] = []
        var lastCut: (changes: Int, progress: PowerCut.Progress)?
        var progress = PowerCut.Progress()
    }

    let directory: String
    private let state = Mutex(State())

    private static let disks = Mutex<[String: TestDisk]>([:])
    private static let isInstalled: Bool = {
        let code = unsafe ctest_vfs_install(
            { path in
                guard let path = unsafe path else { return 0 }
                return unsafe TestDisk.of(String(cString: path)) == nil ? 0 : 1
            },
            { operation, path, bytes, offset, count in
                guard let path = unsafe path else { return SQLITE_OK }
                let content = unsafe bytes.map {
                    unsafe FileImage(UnsafeRawBufferPointer(start: $0, count: Int(count)))
                }
                return unsafe TestDisk.sqliteWants(operation, String(cString: path), content, offset, count)
            },
            { operation, path in
                guard let path = unsafe path else { return }
                unsafe TestDisk.sqliteDid(operation, String(cString: path))
            }
        )
        return code == SQLITE_OK
    }()

    /// The disk of the directory that holds `path`.
    static func of(_ path: String) -> TestDisk? { disks.withLock { $0[Directory.parent(of: path)] } }

    /// Calls `body` with the disk of a directory in which nothing has been opened yet, or whose files `model` knows.
    static func with<R>(
        _ directory: String,
        _ model: DiskModel = DiskModel(),
        _ body: (TestDisk) throws -> R
    ) throws -> R {
        try #require(isInstalled)
        let disk = TestDisk(directory)
        disk.state.withLock { $0.model = model }
        disks.withLock { $0[directory] = disk }
        defer { disks.withLock { $0[directory] = nil } }
        return try body(disk)
    }

    private init(_ directory: String) { self.directory = directory }

    // MARK: What tests ask for

    var fileSystem: FaultyFileSystem { FaultyFileSystem(disk: self) }
    var log: [DiskOperation] { state.withLock { $0.log } }
    /// How many operations were made to fail.
    var failures: Int { state.withLock { $0.failures } }
    var cuts: [PowerCut] { state.withLock { $0.cuts } }
    var model: DiskModel { state.withLock { $0.model } }
    /// The operations that changed files, or may have.
    var changes: [DiskOperation] { log.filter(\.kind.changesFiles) }
    var isStopped: Bool { state.withLock { $0.isStopped } }

    func inject(_ fault: DiskFault?) {
        state.withLock {
            $0.fault = fault
            $0.failures = 0
        }
    }

    /// From the `count`-th operation from now on that changes files, nothing happens any more: the process was killed.
    func stop(after count: Int) { state.withLock { $0.stopAt = count } }

    /// The killed process's successor: what it had written is in the kernel's cache.
    func restart() {
        state.withLock {
            $0.stopAt = nil
            $0.isStopped = false
        }
    }

    /// From now on, each moment at which a power cut would leave something else is kept.
    func recordCuts() { state.withLock { $0.records = true } }

    /// What the workload knows; each change is a moment of its own.
    func note(acknowledged: Int, inFlight: Int? = nil) {
        state.withLock { state in
            state.progress = PowerCut.Progress(acknowledged: acknowledged, inFlight: inFlight)
            Self.recordCut(&state)
        }
    }

    /// What a power cut leaves now.
    func cutNow() -> PowerCut { state.withLock { $0.model.cut($0.log.count, $0.progress) } }

    private static func recordCut(_ state: inout State) {
        guard state.records else { return }
        let moment = (state.model.changes, state.progress)
        if let last = state.lastCut, last.changes == moment.0, last.progress == moment.1 { return }
        state.lastCut = moment
        state.cuts.append(state.model.cut(state.log.count, state.progress))
    }

    // MARK: What the two seams ask

    /// The errno with which the operation is to fail, or nil.
    func wants(_ operation: DiskOperation, _ content: FileImage? = nil) -> Int32? {
        state.withLock { state in
            if operation.kind.changesFiles {
                Self.recordCut(&state)
                if let left = state.stopAt {
                    if left == 0 { state.isStopped = true } else { state.stopAt = left - 1 }
                }
            }
            if state.isStopped { return EIO }
            state.log.append(operation)
            if var fault = state.fault, fault.matches(operation) {
                let fails = fault.skipping == 0 && fault.times > 0
                if fault.skipping > 0 { fault.skipping -= 1 } else if fails { fault.times -= 1 }
                state.fault = fault
                if fails {
                    state.failures += 1
                    if operation.kind == .sync, let content {
                        if fault.reachesDisk {
                            state.model.sync(operation.name, content)
                        } else {
                            state.model.failSync(operation.name, content)
                        }
                    }
                    return fault.errno
                }
            }
            return nil
        }
    }

    func did(_ operation: DiskOperation, _ content: FileImage? = nil, _ range: Range<Int64> = 0..<0) {
        state.withLock { state in
            switch operation.kind {
            case .create: state.model.create(operation.name)
            case .unlink: state.model.unlink(operation.name)
            case .syncDirectory where operation.name == "..": state.model.syncParent()
            case .syncDirectory: state.model.syncDirectory()
            case .sync: if let content { state.model.sync(operation.name, content) }
            case .write, .punch: state.model.write(operation.name, range)
            case .open, .read, .allocate, .truncate: break
            }
        }
    }

    static func name(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }

    private static func sqliteOperation(_ operation: Int32, _ path: String) -> DiskOperation {
        let kinds: [DiskOperation.Kind] = [.create, .write, .sync, .truncate, .unlink]
        return DiskOperation(kind: kinds[Int(operation)], name: name(path), isSQLite: true)
    }

    private static func sqliteWants(
        _ operation: Int32,
        _ path: String,
        _ content: FileImage?,
        _ offset: Int64,
        _ count: Int64
    ) -> Int32 {
        guard let disk = of(path) else { return SQLITE_OK }
        let operation = sqliteOperation(operation, path)
        guard let errno = disk.wants(operation, content) else {
            if operation.kind == .sync { disk.did(operation, content) }
            if operation.kind == .write { disk.did(operation, nil, offset..<offset + count) }
            return SQLITE_OK
        }
        switch operation.kind {
        case .write: return errno == ENOSPC || errno == EDQUOT ? SQLITE_FULL : SQLITE_IOERR | 3 << 8
        case .sync: return SQLITE_IOERR | 4 << 8
        case .truncate: return SQLITE_IOERR | 6 << 8
        case .unlink: return SQLITE_IOERR | 10 << 8
        default: return SQLITE_CANTOPEN
        }
    }

    private static func sqliteDid(_ operation: Int32, _ path: String) {
        let operation = sqliteOperation(operation, path)
        if operation.kind == .create || operation.kind == .unlink { of(path)?.did(operation) }
    }
}
