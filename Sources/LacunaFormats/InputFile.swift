import LacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

#if _endian(big)
#error("The formats are little-endian and are read without swapping bytes")
#endif

/// A regular file open for reading at any offset, closed with the last reference.
final class InputFile {
    let path: String
    /// The length in bytes when the file was opened.
    let length: Int
    private let descriptor: Int32
    private let files = SystemFileSystem()

    init(_ path: String) throws(FormatError) {
        let opened: Int32
        let status: FileStatus
        do throws(SystemError) {
            opened = try SystemFileSystem.check("open", path) {
                // This doesn't block on a pipe without a writer. The status then tells the kind of the opened file.
                SystemFileSystem.openDescriptor(path, in: AT_FDCWD, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
            }
            do throws(SystemError) {
                status = try FileStatus.of(opened)
                try status.checkRegular(path)
            } catch {
                files.close(opened)
                throw error
            }
        } catch {
            throw FormatError.unreadable(path, error)
        }
        self.path = path
        length = Int(status.size)
        descriptor = opened
    }

    deinit {
        files.close(descriptor)
    }

    /// Resizes `elements` to `count` and reads them from `offset` (in bytes). If the file ends sooner, that is an
    /// error, since it was long enough when it was opened.
    func read<Element: BitwiseCopyable & ExpressibleByIntegerLiteral>(
        _ count: Int,
        into elements: inout [Element],
        at offset: Int
    ) throws(FormatError) {
        let bytes = try readUpTo(count, into: &elements, at: offset)
        guard bytes == count * MemoryLayout<Element>.stride else {
            throw FormatError.invalid(
                path,
                "the file became shorter while it was read",
                remedy: "import it when nothing writes it"
            )
        }
    }

    /// As ``read(_:into:at:)``, but the file may end sooner: returns the count of bytes read.
    func readUpTo<Element: BitwiseCopyable & ExpressibleByIntegerLiteral>(
        _ count: Int,
        into elements: inout [Element],
        at offset: Int
    ) throws(FormatError) -> Int {
        if elements.count != count {
            elements = [Element](repeating: 0, count: count)
        }
        do throws(SystemError) {
            var span = elements.mutableSpan
            return try unsafe span.withUnsafeMutableBytes { bytes throws(SystemError) in
                try unsafe files.readAll(descriptor, into: bytes, at: Int64(offset))
            }
        } catch {
            throw FormatError.io("read", path, error)
        }
    }
}
