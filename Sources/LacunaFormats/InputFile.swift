/// A regular file open for reading at any offset, closed with the last reference.
final class InputFile {
    let path: String
    /// The length in bytes when the file was opened.
    let length: Int
    private let descriptor: Int32

    init(_ path: String) throws(FormatError) {
        let opened: Int32
        let status: FileStatus
        do throws(SystemError) {
            opened = try SystemCall.openForReading(path)
            do throws(SystemError) {
                status = try SystemCall.status(of: opened)
                if status.isDirectory { throw SystemError.directory }
                if !status.isRegular { throw SystemError.notSeekable }
            } catch {
                SystemCall.close(opened)
                throw error
            }
        } catch {
            throw FormatError.unreadable(path, error)
        }
        self.path = path
        length = status.length
        descriptor = opened
    }

    deinit {
        SystemCall.close(descriptor)
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
                try unsafe SystemCall.read(descriptor, into: bytes, at: offset)
            }
        } catch {
            throw FormatError.io("read", path, error)
        }
    }
}
