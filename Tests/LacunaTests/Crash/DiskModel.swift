import TestSupport

@testable import Lacuna

/// The effect of an operation on a file's bytes.
enum FileChange: Equatable, Sendable {
    case write([UInt8], at: Int64)
    case zero(Range<Int64>)
    case extend(Int64)
    case truncate(Int64)
}

/// Says which unsynced changes survive a power cut.
enum Survival: Sendable, CustomStringConvertible {
    case nothing
    /// Only removals of names survive: file systems often write these first.
    case unlinks
    case everything
    /// A seed decides about each sector of 512 bytes, each length and each name.
    case some(seed: UInt64)

    /// These are tried at every moment.
    static let extremes: [Survival] = [.nothing, .unlinks, .everything]

    var description: String {
        switch self {
        case .nothing: "nothing that wasn't synced"
        case .unlinks: "removed names"
        case .everything: "everything"
        case .some(let seed): "some, by seed \(seed)"
        }
    }
}

/// A file of the simulated disk, with any names.
struct Inode: Sendable {
    /// The content that programs read: the kernel's cache.
    private(set) var live = FileImage()
    /// The content that is certainly on the disk.
    private(set) var durable = FileImage()
    /// The changes since the last sync, in order.
    private var pending: [FileChange] = []
    /// Pages that a failed sync has left clean in the cache, and that the disk doesn't have. Later syncs don't write
    /// them, unless somebody writes to them again, which dirties the whole page.
    private(set) var lost: Set<Int> = []

    static let sector = 512

    init() {}

    init(durable: FileImage) {
        live = durable
        self.durable = durable
    }

    mutating func apply(_ change: FileChange) {
        live.apply(change)
        let rewritten = lost.isEmpty ? [] : lost.intersection(change.pages)
        lost.subtract(rewritten)
        pending.append(change)
        for number in rewritten.sorted() {
            let start = Int64(number * FileImage.pageSize)
            let page = live.page(number).prefix(Int(min(Int64(FileImage.pageSize), live.length - start)))
            pending.append(.write(Array(page), at: start))
        }
    }

    mutating func sync() {
        for change in pending { durable.apply(change) }
        pending = []
    }

    /// The kernel drops the pages that it couldn't write. Lengths and holes are kept by the file system, and come with
    /// its next sync.
    mutating func failSync() {
        for change in pending {
            if case .write = change { lost.formUnion(change.pages) }
        }
        pending = pending.map { change in
            if case .write(let bytes, let offset) = change { return .extend(offset + Int64(bytes.count)) }
            return change
        }
    }

    /// The disk has an older content, and the cache has the new one as clean, as after a failed sync that nobody
    /// noticed.
    mutating func lose(since older: FileImage) {
        durable = older
        pending = []
        lost = Set((0..<live.pageCount).filter { live.page($0) != older.page($0) })
    }

    func afterPowerCut(_ survival: Survival, _ generator: inout SplitMix64) -> FileImage {
        var image = durable
        switch survival {
        case .nothing, .unlinks: break
        case .everything: for change in pending { image.apply(change) }
        case .some:
            for change in pending {
                for part in change.parts where generator.next() & 1 == 0 { image.apply(part) }
            }
        }
        return image
    }

    func hash(into hash: inout UInt64) {
        live.hash(into: &hash)
        durable.hash(into: &hash)
        hash.mix(UInt64(pending.count))
        for page in lost.sorted() { hash.mix(UInt64(page)) }
    }
}

extension FileImage {
    mutating func apply(_ change: FileChange) {
        switch change {
        case .write(let bytes, let offset): write(bytes, at: offset)
        case .zero(let range): zero(range)
        case .extend(let length): extend(to: length)
        case .truncate(let length): setLength(length)
        }
    }
}

extension FileChange {
    /// The pages that the change dirties.
    var pages: Range<Int> {
        let range: Range<Int64>
        switch self {
        case .write(let bytes, let offset): range = offset..<offset + Int64(bytes.count)
        case .zero(let zeroed): range = zeroed
        case .extend, .truncate: return 0..<0
        }
        if range.isEmpty { return 0..<0 }
        let size = Int64(FileImage.pageSize)
        return Int(range.lowerBound / size)..<Int((range.upperBound - 1) / size) + 1
    }

    /// The parts of a change that may reach the disk independently: the sectors of a write, and the length that it
    /// makes.
    var parts: [FileChange] {
        guard case .write(let bytes, let offset) = self else { return [self] }
        var parts: [FileChange] = [.extend(offset + Int64(bytes.count))]
        var done = 0
        while done < bytes.count {
            let position = Int(offset) + done
            let count = min(Inode.sector - position % Inode.sector, bytes.count - done)
            parts.append(.write(Array(bytes[done..<done + count]), at: Int64(position)))
            done += count
        }
        return parts
    }
}

/// A disk that keeps its promises, and nothing more: ``Survival`` says which unsynced changes are left after a power
/// cut.
///
/// The same rules hold for SQLite's files. Its unix VFS syncs the directory when it first syncs a log that it has made,
/// but doesn't report an error of that sync, so the store must not rely on it.
struct DiskModel: Sendable {
    private var inodes: [Inode] = []
    /// The inode of each name.
    private var names = NameTable()
    /// Whether the name of the store's directory is durable in its parent.
    private(set) var hasDirectory = false

    init() {}

    /// Makes a disk with durable files.
    init(holding files: [String: FileImage]) {
        let files = files.sorted { $0.key < $1.key }
        inodes = files.map { Inode(durable: $0.value) }
        names = NameTable(durable: files.map(\.key))
        hasDirectory = true
    }

    mutating func create(_ name: String) {
        names.create(name, inodes.count)
        inodes.append(Inode())
    }

    func contains(_ name: String) -> Bool { names.live[name] != nil }

    mutating func unlink(_ name: String) { names.unlink(name) }
    mutating func rename(_ name: String, to newName: String) { names.rename(name, to: newName) }
    mutating func syncDirectory() { names.sync() }
    mutating func syncParent() { hasDirectory = true }

    mutating func apply(_ change: FileChange, to name: String) { with(name) { $0.apply(change) } }
    mutating func sync(_ name: String) { with(name) { $0.sync() } }
    mutating func failSync(_ name: String) { with(name) { $0.failSync() } }
    /// See ``Inode/lose(since:)``.
    mutating func lose(since older: FileImage, of name: String) { with(name) { $0.lose(since: older) } }

    private mutating func with(_ name: String, _ body: (inout Inode) -> Void) {
        if let inode = names.live[name] { body(&inodes[inode]) }
    }

    /// The names and contents that programs see.
    var liveFiles: [String: FileImage] { names.live.mapValues { inodes[$0].live } }

    /// The files that a power cut leaves; nil if the directory itself is gone.
    func afterPowerCut(_ survival: Survival) -> [String: FileImage]? {
        var generator = SplitMix64(seed: 0)
        if case .some(let seed) = survival { generator = SplitMix64(seed: seed) }
        if !hasDirectory {
            switch survival {
            case .nothing, .unlinks: return nil
            case .everything: break
            case .some: if generator.next() & 1 == 0 { return nil }
            }
        }
        var files: [String: FileImage] = [:]
        for (name, inode) in names.afterPowerCut(survival, &generator).sorted(by: { $0.key < $1.key }) {
            files[name] = inodes[inode].afterPowerCut(survival, &generator)
        }
        return files
    }

    /// A number that is the same for two disks that neither programs nor power cuts can tell apart.
    var fingerprint: UInt64 {
        var hash: UInt64 = 0
        for (name, inode) in names.live.sorted(by: { $0.key < $1.key }) {
            for byte in name.utf8 { hash.mix(UInt64(byte)) }
            inodes[inode].hash(into: &hash)
        }
        hash.mix(UInt64(names.pendingCount))
        hash.mix(hasDirectory ? 1 : 0)
        return hash
    }
}
