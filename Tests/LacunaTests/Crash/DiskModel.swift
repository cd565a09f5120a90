import CTestVFS

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A file's content, without the zeros at its end: data files are longer than their rows.
struct FileImage: Equatable, Sendable {
    var bytes: [UInt8] = []
    var length: Int64 = 0

    init() {}

    init(_ content: UnsafeRawBufferPointer) {
        let count = unsafe ctest_length_without_zeros(content.baseAddress, Int64(content.count))
        bytes = unsafe Array(UnsafeRawBufferPointer(rebasing: content[..<Int(count)]))
        length = Int64(content.count)
    }

    static let pageSize = 4_096

    func page(_ number: Int) -> [UInt8] {
        let start = number * Self.pageSize
        let page = Array(bytes.dropFirst(start).prefix(Self.pageSize))
        return page + [UInt8](repeating: 0, count: Self.pageSize - page.count)
    }

    mutating func setPage(_ number: Int, _ page: [UInt8]) {
        let start = number * Self.pageSize
        let end = start + Self.pageSize
        if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
        bytes.replaceSubrange(start..<end, with: page)
        if Int64(bytes.count) > length { bytes.removeLast(bytes.count - Int(length)) }
    }

    var pageCount: Int { (Int(length) + Self.pageSize - 1) / Self.pageSize }
}

/// A file of the modelled disk, whatever its names.
struct Inode: Sendable {
    /// What a power cut leaves of it.
    var synced = FileImage()
    /// Pages that a failed sync dropped, with what the disk has in their place. The kernel holds them as if they were
    /// clean, so later syncs don't write them either, until somebody writes the pages again.
    var lost: [Int: [UInt8]] = [:]

    mutating func sync(_ content: FileImage) {
        synced = content
        for (number, page) in lost where number < content.pageCount { synced.setPage(number, page) }
    }

    mutating func failSync(_ content: FileImage) {
        for number in 0..<content.pageCount where lost[number] == nil && content.page(number) != synced.page(number) {
            lost[number] = synced.page(number)
        }
    }

    mutating func write(_ range: Range<Int64>) {
        if lost.isEmpty || range.isEmpty { return }
        for number in Int(range.lowerBound) / FileImage.pageSize...Int(range.upperBound - 1) / FileImage.pageSize {
            lost[number] = nil
        }
    }
}

/// What a power cut at one moment leaves: files by name, and what the workload had been told by then.
struct PowerCut: Sendable {
    /// The disk forgot no name that was removed before the last sync of the directory (`keeping`), or every one
    /// (`dropping`): file systems do either, and anything between.
    var keeping: [String: FileImage] = [:]
    var dropping: [String: FileImage] = [:]
    /// Whether the store's directory has its name in its parent durably.
    var hasDirectory = false
    /// The operation before which the power went.
    var operation = 0
    var progress = Progress()

    /// How far the workload was: the last state that a call acknowledged, and the one that a call was on its way to.
    struct Progress: Equatable, Sendable {
        var acknowledged = -1
        var inFlight: Int?
    }
}

/// The worst disk that keeps its promises: nothing survives but the content of files at their last sync, and names at
/// the last sync of their directory.
///
/// SQLite's own files are held to the same: its unix VFS syncs the directory when it first syncs a log that it made, but
/// keeps an error of that to itself, so the store must not count on it.
struct DiskModel: Sendable {
    private var inodes: [Inode] = []
    // Names, and the inode that each stands for.
    private var live: [String: Int] = [:]
    private var keeping: [String: Int] = [:]
    private var dropping: [String: Int] = [:]
    private var hasDirectory = false
    private(set) var changes = 0

    init() {}

    /// A disk that holds files durably.
    init(holding files: [String: FileImage]) {
        for (name, image) in files {
            live[name] = inodes.count
            inodes.append(Inode(synced: image))
        }
        hasDirectory = true
        syncDirectory()
    }

    mutating func create(_ name: String) {
        live[name] = inodes.count
        inodes.append(Inode())
    }

    mutating func unlink(_ name: String) {
        live[name] = nil
        dropping[name] = nil
        changes += 1
    }

    mutating func syncDirectory() {
        keeping = live
        dropping = live
        changes += 1
    }

    mutating func syncParent() {
        hasDirectory = true
        changes += 1
    }

    mutating func sync(_ name: String, _ content: FileImage) {
        guard let inode = live[name] else { return }
        inodes[inode].sync(content)
        changes += 1
    }

    mutating func failSync(_ name: String, _ content: FileImage) {
        if let inode = live[name] { inodes[inode].failSync(content) }
    }

    mutating func write(_ name: String, _ range: Range<Int64>) {
        if let inode = live[name] { inodes[inode].write(range) }
    }

    func cut(_ operation: Int, _ progress: PowerCut.Progress) -> PowerCut {
        PowerCut(
            keeping: keeping.mapValues { inodes[$0].synced },
            dropping: dropping.mapValues { inodes[$0].synced },
            hasDirectory: hasDirectory,
            operation: operation,
            progress: progress
        )
    }
}

enum UnlinkVariant: CaseIterable, Sendable { case keeping, dropping }

extension PowerCut {
    func files(_ variant: UnlinkVariant) -> [String: FileImage] { variant == .keeping ? keeping : dropping }

    /// Calls `body` with a disk that holds what is left.
    func withDisk(_ variant: UnlinkVariant, _ body: (TestDisk) throws -> Void) throws {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            try materialise(variant, at: path)
            try TestDisk.with(path, DiskModel(holding: files(variant)), body)
        }
    }

    /// Writes what is left into a fresh directory. The lock files are older than all others, and one sync of the
    /// directory makes all names durable.
    private func materialise(_ variant: UnlinkVariant, at directory: String) throws {
        if !hasDirectory { return }
        try TestFiles.makeDirectory(directory)
        if !files(variant).isEmpty { try TestFiles.write([], to: directory + "/" + StorePaths.writerLockName) }
        for (name, image) in files(variant) {
            try TestFiles.write(image.bytes, to: directory + "/" + name, length: image.length)
        }
    }
}
