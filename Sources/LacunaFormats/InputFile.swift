import LacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

#if _endian(big)
#error("The formats are little-endian and are read without swapping bytes")
#endif

/// A regular file open for reading at any offset, or standard input, which is read from its beginning to its end.
final class InputFile {
    let path: String
    /// The length in bytes when the file was opened; nil for standard input.
    let length: Int?
    private let descriptor: OpenDescriptor
    /// The offset in the file at which this part of it begins.
    private let base: Int
    private let files = SystemFileSystem()
    /// For standard input: bytes that were read ahead, and the offset of the first of them.
    private var ahead: [UInt8] = []
    private var position = 0
    /// The checksum that the file's bytes must have; nil if none is known.
    private let checksum: UInt32?
    /// The checksum of the bytes before `checkedEnd`.
    private var checked = CRC32()
    private var checkedEnd = 0

    init(_ source: RowSource) throws(FormatError) {
        path = source.name
        base = 0
        checksum = nil
        switch source {
        case .file(let path):
            do throws(SystemError) { (descriptor, length) = try Self.open(path) } catch {
                throw FormatError.unreadable(path, error)
            }
        case .standardInput:
            descriptor = OpenDescriptor(STDIN_FILENO, isOurs: false)
            length = nil
        }
    }

    /// A part of a regular file, as a file of its own.
    ///
    /// - Parameters:
    ///   - name: The part's name in errors.
    ///   - checksum: The part's checksum. If all of it is read in order, the read that reaches the end checks it.
    init(_ file: InputFile, part: Range<Int>, name: String, checksum: UInt32) {
        path = name
        self.checksum = checksum
        length = part.count
        descriptor = file.descriptor
        base = file.base + part.lowerBound
    }

    private static func open(_ path: String) throws(SystemError) -> (OpenDescriptor, Int) {
        let descriptor = try SystemFileSystem.check("open", path) {
            // This doesn't block on a pipe without a writer. The status then tells the kind of the opened file.
            SystemFileSystem.openDescriptor(path, in: AT_FDCWD, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        }
        let opened = OpenDescriptor(descriptor, isOurs: true)
        let status = try FileStatus.of(descriptor)
        try status.checkRegular(path)
        return (opened, Int(status.size))
    }

    /// Resizes `elements` to `count` and reads them from `offset` (in bytes). If the file ends sooner, that is an
    /// error.
    func read<Element: BitwiseCopyable & ExpressibleByIntegerLiteral>(
        _ count: Int,
        into elements: inout [Element],
        at offset: Int
    ) throws(FormatError) {
        let bytes = try readUpTo(count, into: &elements, at: offset)
        guard bytes == count * MemoryLayout<Element>.stride else {
            // A file was long enough when it was opened.
            throw length == nil
                ? FormatError.invalid(
                    path,
                    "it ends too soon, after \(counted(position, "byte"))",
                    remedy: "send it again"
                )
                : FormatError.invalid(
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
        var span = elements.mutableSpan
        return try unsafe span.withUnsafeMutableBytes { bytes throws(FormatError) in
            if length == nil { return try unsafe takeNext(bytes, at: offset) }
            let found: Int
            do throws(SystemError) {
                found = try unsafe files.readAll(descriptor.number, into: bytes, at: Int64(base + offset))
            } catch {
                throw FormatError.io("read", path, error)
            }
            unsafe try check(UnsafeRawBufferPointer(rebasing: bytes[..<found]), at: offset)
            return found
        }
    }

    /// Takes bytes that were read into account, if they go on where those before them ended.
    private func check(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FormatError) {
        let known = checkedEnd - offset
        guard let checksum, (0..<bytes.count).contains(known) else { return }
        unsafe checked.update(UnsafeRawBufferPointer(rebasing: bytes[known...]))
        checkedEnd = offset + bytes.count
        guard checkedEnd == length, checked.value != checksum else { return }
        throw .invalid(path, "its checksum is wrong: the file is damaged", remedy: "copy or save it again")
    }

    /// The first bytes, at most `count` of them, which can then be read as if nothing had been read. It must come
    /// before any read.
    func peek(_ count: Int) throws(FormatError) -> [UInt8] {
        var bytes: [UInt8] = []
        if length != nil {
            let found = try readUpTo(count, into: &bytes, at: 0)
            return Array(bytes.prefix(found))
        }
        bytes = [UInt8](repeating: 0, count: count)
        var span = bytes.mutableSpan
        let found = try unsafe span.withUnsafeMutableBytes { bytes throws(FormatError) in
            try unsafe takeNext(bytes, at: 0)
        }
        ahead = Array(bytes.prefix(found))
        position = 0
        return ahead
    }

    /// Reads standard input. `offset` is the position after the last read, or in what was read ahead.
    private func takeNext(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(FormatError) -> Int {
        precondition(offset >= position, "standard input is read from its beginning to its end")
        let skipped = min(offset - position, ahead.count)
        precondition(offset == position + skipped, "standard input is read without gaps")
        ahead.removeFirst(skipped)
        position = offset
        let taken = min(ahead.count, bytes.count)
        unsafe bytes.copyBytes(from: ahead.prefix(taken))
        ahead.removeFirst(taken)
        var done = taken
        while done < bytes.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[done...])
            let count = unsafe readOnce(descriptor.number, rest)
            if count == 0 { break }
            if count > 0 {
                done += count
            } else if errno == EAGAIN {
                // The process that began us may have set the descriptor so that reading doesn't wait.
                var waiting = pollfd(fd: descriptor.number, events: Int16(POLLIN), revents: 0)
                _ = unsafe poll(&waiting, 1, -1)
            } else if errno != EINTR {
                throw FormatError.io("read", path, SystemError(errno: errno, call: "read", path: path))
            }
        }
        position += done
        return done
    }
}

/// A descriptor that is closed with its last owner.
private final class OpenDescriptor {
    let number: Int32
    private let isOurs: Bool

    init(_ number: Int32, isOurs: Bool) {
        self.number = number
        self.isOurs = isOurs
    }

    deinit {
        if isOurs { SystemFileSystem().close(number) }
    }
}

private func readOnce(_ descriptor: Int32, _ bytes: UnsafeMutableRawBufferPointer) -> Int {
    unsafe read(descriptor, bytes.baseAddress, bytes.count)
}
