import Foundation
import Lacuna
import TestSupport

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A store's directory from somebody else, in which names are missing, or lead to links, pipes, directories, holes,
/// forged journals or other stores' files. Each use of it must work or be refused, and nothing outside of it may
/// change.
struct DirectoryTarget: Target {
    /// The bytes of input are: which store, how to use it, then changes, each with a name, the kind of change, and its
    /// details.
    static func seeds() -> [[UInt8]] {
        let kinds = (0..<UInt8(kindCount)).map { [0, $0, $0 % UInt8(names.count), $0] }
        let places = (0..<UInt8(names.count)).map { [1, $0, $0, 1] }
        return [[0, 0], [1, 1], [2, 2]] + kinds + places + [[1, 3, 3, 6, 0, 1, 4], [2, 0, 1, 5, 30, 7, 5, 41]]
    }

    private static let names = [
        "index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "index.sqlite-journal", "writer.lock", "readers-0.lock",
        "readers-1.lock", "vectors-1.f32", "vectors-2.f32", "vectors-3.f32", "index.sqlite.new", "notes",
    ]
    private static let kindCount = 11
    /// Statements that change an index without its store.
    private static let statements = [
        "UPDATE store SET next_offset = 4096 + 16 * (1 << 41)", "UPDATE store SET data_file = '../outside/victim'",
        "UPDATE store SET data_file = 'notes'", "UPDATE store SET generation = 2, data_file = 'vectors-2.f32'",
        "UPDATE compaction_journal SET state = 'aborted', target_generation = 3, target_file = 'vectors-3.f32'",
        "UPDATE compaction_journal SET target_file = '../outside/victim', state = 'aborted'",
        "INSERT INTO compaction_journal (strategy, state, source_generation, source_file, rows_live, allocated_before, "
            + "started_at) VALUES ('erase', 'erasing', 1, 'vectors-1.f32', 1, 1, '')",
        "CREATE TRIGGER t AFTER INSERT ON vectors BEGIN DELETE FROM metadata; END",
        "CREATE TABLE other (x CHECK (x > 1))", "UPDATE store SET live_rows = 1 << 40",
    ]

    private let bases: [BaseStore]
    private let history = StoreHistory()
    private let path = Scratch.file("store.lacuna")
    private let outside = Scratch.file("outside")

    init() throws {
        bases = try BaseStore.makeAll(history)
        try? FileManager.default.createDirectory(atPath: outside, withIntermediateDirectories: false)
        for name in Self.names { try Scratch.write(victim(name), to: "\(outside)/\(name)") }
    }

    /// The target of a link: for the name of a data file, that file of the same store; otherwise some text.
    private func victim(_ name: String) -> [UInt8] { bases[0].files[name] ?? Array("precious \(name)".utf8) }

    func run(_ input: [UInt8]) throws {
        var bytes = InputBytes(input)
        let base = bases[bytes.byte() % bases.count]
        let use = bytes.byte()
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        for (name, contents) in base.files { try Scratch.write(contents, to: "\(path)/\(name)") }
        while !bytes.isEmpty { try change(&bytes) }
        try worksOrRefuses { _ = try VectorStoreInfo.read(at: path) }
        try worksOrRefuses { _ = try VectorStoreRecovery.recover(at: path, dryRun: true) }
        try worksOrRefuses { try read(try .open(at: path, access: .readOnly)) }
        try worksOrRefuses { try write(try .open(at: path), use) }
        try worksOrRefuses { _ = try VectorStoreRecovery.salvage(at: path) { _ in } }
        try worksOrRefuses { _ = try VectorStoreRecovery.recover(at: path) }
        try worksOrRefuses { try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 4)).close() }
        try checkOutside()
    }

    private func checkOutside() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: outside)
        try expect(Set(names) == Set(Self.names), "outside are \(names)")
        for name in names {
            try expect(try Scratch.read("\(outside)/\(name)") == victim(name), "\(name) outside was changed")
        }
    }

    private func change(_ bytes: inout InputBytes) throws {
        let name = Self.names[bytes.byte() % Self.names.count]
        let file = "\(path)/\(name)"
        let kind = bytes.byte() % Self.kindCount
        if kind == 9 { return tell(Self.statements[bytes.byte() % Self.statements.count]) }
        if kind != 5 && kind != 10 { try? FileManager.default.removeItem(atPath: file) }
        switch kind {
        case 1: _ = unsafe symlink("\(outside)/\(name)", file)
        case 2: _ = unsafe symlink("\(outside)/new", file)
        case 3: _ = unsafe mkfifo(file, 0o644)
        case 4: _ = unsafe mkdir(file, 0o755)
        // A log is read to its end, so it is made shorter than other files.
        case 5: makeLonger(file, by: bytes.byte() % (name.hasSuffix("-wal") ? 22 : 42))
        case 6:
            let other = bases[bytes.byte() % bases.count]
            try Scratch.write(other.files[name] ?? [], to: file)
        case 7:
            let journal = "\(path)/index.sqlite-journal"
            // The name may be a link by now.
            try? FileManager.default.removeItem(atPath: journal)
            try Scratch.write(forgedJournal(naming: "\(outside)/notes"), to: journal)
        case 8: _ = unsafe link("\(outside)/\(name)", file)
        case 10:
            let mode = mode_t(bytes.byte() & 7) << 6
            if isOwnFile(file) { _ = unsafe chmod(file, mode) }
        default: break
        }
    }

    /// Adds a hole at the end of the file, up to a length of 2^`exponent`.
    private func makeLonger(_ file: String, by exponent: Int) {
        let descriptor = unsafe open(file, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o644)
        if descriptor < 0 { return }
        var status = stat()
        let length = off_t(1) << off_t(exponent)
        if unsafe fstat(descriptor, &status) == 0, status.st_nlink == 1, status.st_size < length {
            ftruncate(descriptor, length)
        }
        close(descriptor)
    }

    /// Whether it is a file without a name outside of the directory.
    private func isOwnFile(_ file: String) -> Bool {
        var status = stat()
        return unsafe lstat(file, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_nlink == 1
    }

    private func tell(_ statement: String) {
        let index = path + "/index.sqlite"
        guard isOwnFile(index) else { return }
        guard let connection = try? Connection(index, .readWrite) else { return }
        _ = try? connection.run("PRAGMA ignore_check_constraints = ON")
        _ = try? connection.run(statement)
    }

    /// A rollback journal without pages, which names a file for SQLite to unlink.
    private func forgedJournal(naming path: String) -> [UInt8] {
        let magic: [UInt8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]
        func number(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
        let header = magic + [0, 0, 1, 512, 4_096].flatMap(number)
        let name = Array(path.utf8)
        let sum = name.reduce(UInt32(0)) { $0 &+ UInt32(bitPattern: Int32(Int8(bitPattern: $1))) }
        return header + [UInt8](repeating: 0, count: 512 - header.count) + number(1 + (1 << 30) / 4_096) + name
            + number(UInt32(name.count)) + number(sum) + magic
    }

    // MARK: What is done with it

    private func read(_ store: VectorStore<Int64>) throws {
        try worksOrRefuses { _ = try store.verify() }
        try worksOrRefuses { _ = try store.space }
        try worksOrRefuses { _ = try store.compactionPlan() }
        try worksOrRefuses { _ = try store.slotMap(buckets: 100) }
        try worksOrRefuses {
            try store.forEach { row in
                // The row was checked against its checksum, from whatever file it came.
                try expect(history.wasPut(row.vector, for: row.id), "row \(row.id) was never put: \(row.vector)")
            }
        }
        try worksOrRefuses {
            _ = try store.search(for: history.vector(3, version: 0), limit: 5, options: .init(threads: 1))
        }
    }

    private func write(_ store: VectorStore<Int64>, _ use: Int) throws {
        try read(store)
        let new = StoreHistory.newID
        try worksOrRefuses { try store.put(history.vector(new, version: 0), for: new, replacing: true) }
        try worksOrRefuses { try store.delete([4, 5, 6]) }
        switch use % 4 {
        case 0: try worksOrRefuses { try store.compact(.rewrite) }
        case 1: try worksOrRefuses { try store.compact(.inPlace) }
        case 2: try worksOrRefuses { try store.compact(.punch) }
        default: try worksOrRefuses { try store.erase([9]) }
        }
        try read(store)
        try worksOrRefuses { try store.close() }
    }
}
