#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A file of codes, in memory, for reading only. Its tiles are checked against their checksums when they are used
/// first.
///
/// `@unchecked Sendable`: the pages are mapped PROT_READ, and only `deinit` unmaps them.
@safe
final class CodesFile: @unchecked Sendable {
    private enum TileState { case unchecked, sound, damaged }

    let coder: Coder
    let layout: CodesLayout
    private let nonce: Int64
    private let fileSystem: any FileSystem
    private let descriptor: Int32
    private let base: UnsafeRawPointer
    private let mappedLength: Int
    private let tiles: Guarded<[TileState]>

    /// The map goes beyond the end of the file, for codes that will be added.
    private static let spareBytes = 64 << 20

    /// Nil if there is no such file, or if it isn't what the index's row says.
    init?(
        _ name: String,
        nonce: Int64,
        _ rows: DataFileHeader,
        _ metric: DistanceMetric,
        in directory: Directory,
        _ fileSystem: any FileSystem
    ) {
        guard let descriptor = try? fileSystem.open(name, in: directory, .read) else { return nil }
        guard let coder = try? Self.readCoder(descriptor, nonce: nonce, rows, metric, fileSystem),
            let size = try? FileStatus.of(descriptor).size, size < MappedSegment.longestFile
        else {
            fileSystem.close(descriptor)
            return nil
        }
        let length = 2 * Int(size) + Self.spareBytes
        let address = unsafe mmap(nil, length, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            fileSystem.close(descriptor)
            return nil
        }
        self.nonce = nonce
        self.coder = coder
        self.fileSystem = fileSystem
        self.descriptor = descriptor
        layout = CodesLayout(coder)
        mappedLength = length
        unsafe base = UnsafeRawPointer(address)
        let most = (length - layout.offset(ofTile: 0)) / layout.tileBytes
        tiles = Guarded([TileState](repeating: .unchecked, count: max(0, most)))
    }

    deinit {
        _ = unsafe munmap(UnsafeMutableRawPointer(mutating: base), mappedLength)
        fileSystem.close(descriptor)
    }

    private static func readCoder(
        _ descriptor: Int32,
        nonce: Int64,
        _ rows: DataFileHeader,
        _ metric: DistanceMetric,
        _ fileSystem: any FileSystem
    ) throws(SystemError) -> Coder? {
        func read(_ count: Int, at offset: Int) throws(SystemError) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            var span = bytes.mutableSpan
            let found = try unsafe span.withUnsafeMutableBytes { buffer throws(SystemError) in
                try unsafe fileSystem.readAll(descriptor, into: buffer, at: Int64(offset))
            }
            bytes.removeLast(count - found)
            return bytes
        }
        guard let header = CodesHeader(try read(CodesHeader.length, at: 0), rows, metric, nonce: nonce) else {
            return nil
        }
        let count = (1 + header.basisRows) * rows.dimension * MemoryLayout<Float>.stride
        let bytes = try read(count, at: CodesHeader.length)
        let checksum = unsafe bytes.withUnsafeBytes { unsafe CodesHeader.checksum($0) }
        guard bytes.count == count, checksum == header.coderChecksum else { return nil }
        let floats = unsafe bytes.withUnsafeBytes { bytes in
            (0..<count / 4).map { unsafe bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
        }
        return Coder(metric, dimension: rows.dimension, floats, deviation: header.deviation)
    }

    /// Whether the file's name is gone, so that it takes up disk space only for those who have it open.
    var isUnlinked: Bool { (try? FileStatus.of(descriptor).links) == 0 }

    /// Whether the file has, and this map reaches, the codes of all slots below this one.
    func covers(_ slots: Slot) -> Bool {
        let length = layout.length(covering: slots)
        guard length <= mappedLength, let size = try? FileStatus.of(descriptor).size else { return false }
        return length <= size
    }

    /// Whether all tiles of slots below this one match their checksums. Calls `check` before each tile; an error that it
    /// throws stops the reading.
    func isSound(below slots: Slot, _ check: () throws -> Void = {}) rethrows -> Bool {
        guard covers(slots) else { return false }
        for number in 0..<layout.tile(of: slots) {
            try check()
            if unsafe tile(number) == nil { return false }
        }
        return true
    }

    /// A tile that the file covers; nil if the tile doesn't match its checksum.
    @unsafe
    func tile(_ number: Int) -> UnsafeRawBufferPointer? {
        var state = tiles.withLock { $0[number] }
        if state == .unchecked {
            let found = check(number)
            state = tiles.withLock { tiles in
                if tiles[number] == .unchecked { tiles[number] = found }
                return tiles[number]
            }
        }
        guard state == .sound else { return nil }
        return unsafe UnsafeRawBufferPointer(start: base + layout.offset(ofTile: number), count: layout.codesBytes)
    }

    /// The tiles from the one on that begins with a slot. Whether they are sound was checked before.
    @unsafe
    func tiles(from slot: Slot) -> CodedTiles {
        let first = unsafe base + layout.offset(ofTile: layout.tile(of: slot))
        return unsafe CodedTiles(
            blocks: first,
            secondLevel: first + layout.secondLevel(of: slot),
            tileBytes: layout.tileBytes
        )
    }

    /// Reads a tile by pread(2), since a bad sector is then an error and not a signal.
    private func check(_ number: Int) -> TileState {
        var bytes = [UInt8](repeating: 0, count: layout.tileBytes)
        let count = unsafe bytes.withUnsafeMutableBytes { buffer in
            try? unsafe fileSystem.readAll(descriptor, into: buffer, at: Int64(layout.offset(ofTile: number)))
        }
        guard count == layout.tileBytes else { return .damaged }
        let stored = DataFileHeader.get(UInt32.self, at: layout.checksumAt, in: bytes)
        let checksum = unsafe bytes.withUnsafeBytes { bytes in
            let codes = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<layout.codesBytes])
            return unsafe CodesLayout.checksum(codes, ofTile: number, nonce: nonce)
        }
        return checksum == stored ? .sound : .damaged
    }
}

/// Neighbouring tiles in memory.
@unsafe
struct CodedTiles {
    /// The first tile's blocks.
    let blocks: UnsafeRawPointer
    /// The second level of the first tile's first row.
    let secondLevel: UnsafeRawPointer
    /// The distance from one tile to the next.
    let tileBytes: Int
}
