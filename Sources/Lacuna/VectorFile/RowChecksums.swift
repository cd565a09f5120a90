#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The checksum of each live row's bytes, by rank, while a whole file is read: four bytes a row in a temporary file, so
/// that memory stays bounded. The file has no name, and goes with this object.
///
/// Rows are read in offset order, ids come in id order: this is where the two meet.
@safe
final class RowChecksums {
    private let descriptor: Int32
    private let directory: String
    private var count = 0
    private var mapped: UnsafeMutableRawPointer?
    private var mappedLength = 0

    init() throws(VectorStoreError) {
        directory = TemporaryFiles.directory
        let name = "lacuna-\(String(UInt64.random(in: .min ... .max), radix: 16))"
        do throws(SystemError) {
            let directory = try Directory(directory)
            descriptor = try SystemFileSystem().open(name, in: directory, .createNew())
            // If that fails, the file keeps its name, and nothing else.
            try? SystemFileSystem().unlink(name, in: directory)
        } catch {
            throw VectorStoreError(temporary: error)
        }
    }

    deinit {
        if let mapped = unsafe mapped { _ = unsafe munmap(mapped, mappedLength) }
        _ = close(descriptor)
    }

    func append(_ checksums: [UInt32]) throws(VectorStoreError) {
        do throws(SystemError) {
            try unsafe checksums.span.bytes.withUnsafeBytes { bytes throws(SystemError) in
                try unsafe SystemFileSystem().writeAll(descriptor, bytes, at: Int64(count * 4))
            }
        } catch {
            throw VectorStoreError(
                temporary: SystemError(errno: error.errno, call: "write a temporary file in", path: directory)
            )
        }
        count += checksums.count
    }

    /// Ends appending; from now on ``subscript(_:)`` answers.
    func finish() throws(VectorStoreError) {
        if count == 0 { return }
        let address = unsafe mmap(nil, count * 4, PROT_READ, MAP_SHARED, descriptor, 0)
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw VectorStoreError(
                temporary: SystemError(errno: errno, call: "map a temporary file in", path: directory)
            )
        }
        unsafe mapped = address
        mappedLength = count * 4
    }

    /// The checksum of the row with this rank, below the number of rows appended.
    subscript(rank: Int) -> Checksum {
        guard let mapped = unsafe mapped, rank < count else { return Checksum() }
        return Checksum(value: unsafe mapped.load(fromByteOffset: rank * 4, as: UInt32.self))
    }
}
