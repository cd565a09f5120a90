import CLacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// One generation's file of vectors: a header, then rows. Rows are written with pwrite(2), never through the map.
///
/// Threads may share it: all operations on the descriptor name their offsets, and the map only grows, under a lock.
final class DataFile: Sendable {
    let name: String
    let directory: Directory
    let header: DataFileHeader
    let isWritable: Bool
    private let fileSystem: any FileSystem
    let descriptor: Int32
    private let segments = Guarded<[MappedSegment]>([])
    /// The tail was written with zeros up to this offset.
    private let prewrittenEnd = Guarded<Int64>(0)

    private static let prewrittenBytes: Int64 = 128 << 10

    private init(
        _ fileSystem: any FileSystem,
        _ name: String,
        _ directory: Directory,
        _ descriptor: Int32,
        _ header: DataFileHeader,
        isWritable: Bool
    ) {
        self.isWritable = isWritable
        self.fileSystem = fileSystem
        self.name = name
        self.directory = directory
        self.descriptor = descriptor
        self.header = header
    }

    deinit {
        segments.withLock { for segment in $0 { segment.unmap() } }
        fileSystem.close(descriptor)
    }

    // MARK: Opening and creating

    /// The reason why a data file can't be used.
    enum Unusable: Error {
        case missing
        case header(DataFileHeader.Flaw)
        case system(SystemError)
    }

    static func open(
        _ name: String,
        in directory: Directory,
        _ access: FileAccess,
        _ fileSystem: any FileSystem
    ) throws(Unusable) -> DataFile {
        let descriptor: Int32
        do { descriptor = try fileSystem.open(name, in: directory, access) } catch {
            throw error.errno == ENOENT ? .missing : .system(error)
        }
        do {
            let header = try readHeader(descriptor, fileSystem)
            return DataFile(fileSystem, name, directory, descriptor, header, isWritable: access.writes)
        } catch {
            fileSystem.close(descriptor)
            throw error
        }
    }

    /// Opens the file with the header that the caller gives, and doesn't read the file's own. The caller must check
    /// each row.
    static func open(
        _ name: String,
        in directory: Directory,
        assuming header: DataFileHeader,
        _ fileSystem: any FileSystem
    ) throws(SystemError) -> DataFile {
        let descriptor = try fileSystem.open(name, in: directory, .read)
        return DataFile(fileSystem, name, directory, descriptor, header, isWritable: false)
    }

    private static func readHeader(
        _ descriptor: Int32,
        _ fileSystem: any FileSystem
    ) throws(Unusable) -> DataFileHeader {
        let bytes: [UInt8]
        do { bytes = try firstBytes(descriptor, fileSystem) } catch { throw .system(error) }
        do { return try DataFileHeader(decoding: bytes) } catch { throw .header(error) }
    }

    /// Reads as many bytes as a header has, or all bytes of a shorter file.
    static func firstBytes(
        _ name: String,
        in directory: Directory,
        _ fileSystem: any FileSystem
    ) throws(SystemError) -> [UInt8] {
        let descriptor = try fileSystem.open(name, in: directory, .read)
        defer { fileSystem.close(descriptor) }
        return try firstBytes(descriptor, fileSystem)
    }

    private static func firstBytes(
        _ descriptor: Int32,
        _ fileSystem: any FileSystem
    ) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(DataFileHeader.length))
        var span = bytes.mutableSpan
        let count = try unsafe span.withUnsafeMutableBytes { buffer throws(SystemError) in
            try unsafe fileSystem.readAll(descriptor, into: buffer, at: 0)
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Makes the file with its header. Both, and the name, are durable when this returns: so a file without a header
    /// holds no rows.
    ///
    /// - Parameter model: The file whose mode and owner the new file gets: the one that it will replace.
    /// - Throws: A `SystemError` with EEXIST if the name is taken.
    static func create(
        in directory: Directory,
        _ header: DataFileHeader,
        like model: FileStatus? = nil,
        _ fileSystem: any FileSystem
    ) throws(SystemError) -> DataFile {
        let name = StorePaths.dataFileName(generation: header.generation, header.layout.element)
        let descriptor = try fileSystem.open(name, in: directory, .createNew(like: model))
        let file = DataFile(fileSystem, name, directory, descriptor, header, isWritable: true)
        let bytes = header.encoded()
        do {
            try unsafe bytes.span.withUnsafeBytes { buffer throws(SystemError) in
                try unsafe fileSystem.writeAll(descriptor, buffer, at: 0)
            }
            try fileSystem.sync(descriptor)
            if !PlantedBug.directoryNotSynced.isPlanted { try fileSystem.sync(directory) }
        } catch {
            try? file.unlink()
            throw error.on(file.path)
        }
        return file
    }

    /// The file's path, for messages.
    var path: String { directory.path(name) }

    // MARK: The file's name

    /// Whether the file was removed.
    var isUnlinked: Bool { (try? FileStatus.of(descriptor).links) == 0 }

    /// Removes the file's name, unless another file was put in its place.
    func unlink() throws(SystemError) {
        try fileSystem.unlink(name, in: directory, ifItIs: FileStatus.of(descriptor).identity)
    }

    // MARK: Geometry

    var layout: RowLayout { header.layout }
    var stride: Int64 { layout.stride }

    func status() throws(VectorStoreError) -> FileStatus {
        try onThisFile(FileStatus.of(descriptor))
    }

    // MARK: Reading

    /// The rows below a committed next slot, mapped. The file is at least that long, or damaged.
    func view(upTo slot: Slot) throws(VectorStoreError) -> RowView {
        let end = layout.offset(slot)
        guard end <= MappedSegment.longestFile else {
            throw .damaged("\(path) would hold \(end) bytes of rows, more than can be mapped")
        }
        let needed = MappedSegment.index(of: end - 1) + 1
        let mapped = try segments.withLock { segments throws(VectorStoreError) in
            let known = segments.count
            do throws(VectorStoreError) {
                while segments.count < needed {
                    segments.append(try onThisFile(MappedSegment(descriptor, index: segments.count, path: path)))
                }
            } catch {
                // Unmaps what was mapped: the next reader couldn't use it either, and the process may need the address
                // space elsewhere.
                for segment in segments[known...] { segment.unmap() }
                segments.removeLast(segments.count - known)
                throw error
            }
            return segments
        }
        return RowView(file: self, segments: mapped, end: slot)
    }

    /// Reads the bytes from `offset` on with pread(2). Operations that read everything use this, since a bad sector is
    /// then an error and not a signal.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(VectorStoreError) {
        let count = try onThisFile(unsafe fileSystem.readAll(descriptor, into: buffer, at: offset))
        if count < buffer.count {
            throw .damaged("\(path) ends at byte \(offset + Int64(count)), before rows that the index names")
        }
    }

    /// Reads a row, and computes the checksum of its bytes.
    func readRow(_ slot: Slot) throws(VectorStoreError) -> (vector: [Float], checksum: Checksum) {
        var row = [Float](repeating: 0, count: layout.dimension)
        var checksum = Checksum()
        var span = row.mutableSpan
        try unsafe span.withUnsafeMutableBytes { buffer throws(VectorStoreError) in
            let stored = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.suffix(Int(stride)))
            try unsafe read(into: stored, at: layout.offset(slot))
            unsafe checksum.update(UnsafeRawBufferPointer(stored))
            unsafe layout.element.widen(stored, in: buffer)
        }
        return (row, checksum)
    }

    // MARK: Writing

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(VectorStoreError) {
        try onThisFile(unsafe fileSystem.writeAll(descriptor, bytes, at: offset))
    }

    func beginWriteback(_ range: Range<Int64>) {
        fileSystem.beginWriteback(descriptor, offset: range.lowerBound, length: range.upperBound - range.lowerBound)
    }

    func finishWriteback(_ range: Range<Int64>) throws(VectorStoreError) {
        try onThisFile(
            fileSystem.finishWriteback(
                descriptor,
                offset: range.lowerBound,
                length: range.upperBound - range.lowerBound
            )
        )
    }

    func sync() throws(VectorStoreError) {
        try onThisFile(fileSystem.sync(descriptor))
    }

    /// Reserves blocks up to `length` and extends the file to that length. After an error the file is as long as
    /// before.
    func extend(to length: Int64) throws(VectorStoreError) {
        let size = try status().size
        if length <= size { return }
        do {
            try allocate(from: size, to: length)
        } catch {
            try? fileSystem.truncate(descriptor, to: size)
            throw VectorStoreError(error.on(path))
        }
    }

    /// Writes zeros to the place of the next rows, and beyond: a later sync of rows over zeros changes only bytes,
    /// while the sync of rows in reserved blocks must also mark these as written. This only makes writing a few rows at
    /// a time faster.
    func prewrite(_ rows: Range<Int64>) {
        prewrittenEnd.withLock { prewritten in
            guard rows.upperBound > prewritten, let size = try? status().size else { return }
            let end = min(size, rows.upperBound + Self.prewrittenBytes)
            if (try? writeZeros(rows.lowerBound..<end)) != nil { prewritten = end }
        }
    }

    /// Takes the bytes of another file without copying them. Returns false if the file system can't share blocks
    /// between the two.
    func clone(_ source: DataFile) throws(VectorStoreError) -> Bool {
        do { try fileSystem.clone(source.descriptor, to: descriptor) } catch {
            // The source is on another file system, or this one can't share blocks: ioctl_ficlone(2).
            if error.isUnsupported || error.errno == EXDEV || error.errno == EINVAL { return false }
            throw VectorStoreError(error.on(path))
        }
        return true
    }

    func truncate(to length: Int64) throws(VectorStoreError) {
        prewrittenEnd.withLock { $0 = min($0, length) }
        try onThisFile(fileSystem.truncate(descriptor, to: length))
    }

    /// Gives the blocks of a range back. Returns false if the file system can't do that.
    func punchHole(_ range: Range<Int64>) throws(VectorStoreError) -> Bool {
        prewrittenEnd.withLock { $0 = min($0, range.upperBound > $0 ? range.lowerBound : $0) }
        do {
            try fileSystem.punchHole(descriptor, offset: range.lowerBound, length: Int64(range.count))
            return true
        } catch {
            if error.isUnsupported { return false }
            throw VectorStoreError(error.on(path))
        }
    }

    func zero(_ range: Range<Int64>) throws(VectorStoreError) {
        try onThisFile(writeZeros(range))
    }

    /// Makes sure that the range has blocks of its own.
    func fillHole(_ range: Range<Int64>) throws(VectorStoreError) {
        if dataBytes(in: range) < range.count {
            try onThisFile(allocate(from: range.lowerBound, to: range.upperBound))
        }
    }

    // MARK: Inside

    private func allocate(from size: Int64, to length: Int64) throws(SystemError) {
        do {
            try fileSystem.allocate(descriptor, offset: size, length: length - size)
        } catch {
            guard error.isUnsupported else { throw error }
            try writeZeros(size..<length)
        }
    }

    private func writeZeros(_ range: Range<Int64>) throws(SystemError) {
        let zeros = [UInt8](repeating: 0, count: Int(min(1 << 20, range.upperBound - range.lowerBound)))
        var position = range.lowerBound
        while position < range.upperBound {
            let count = Int(min(Int64(zeros.count), range.upperBound - position))
            try unsafe zeros.span.withUnsafeBytes { buffer throws(SystemError) in
                try unsafe fileSystem.writeAll(
                    descriptor,
                    UnsafeRawBufferPointer(rebasing: buffer[..<count]),
                    at: position
                )
            }
            position += Int64(count)
        }
    }

    private func onThisFile<R>(_ call: @autoclosure () throws(SystemError) -> R) throws(VectorStoreError) -> R {
        do { return try call() } catch { throw VectorStoreError(error.on(path)) }
    }
}
