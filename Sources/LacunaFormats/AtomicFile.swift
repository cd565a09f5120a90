/// A file that appears under its name only when it is whole and on stable storage.
///
/// Bytes go to `NAME.partial` beside it, through a buffer of 1 MiB. ``finish(patching:)`` syncs it, renames it over
/// `NAME` and syncs the directory. If anything fails before that, or the last reference goes, `NAME.partial` is deleted
/// and `NAME` is as it was. A `NAME.partial` that a killed process has left is used again; one that another process is
/// still writing is locked, and refused with `.io(errno: EWOULDBLOCK)`.
final class AtomicFile {
    private enum State {
        case open, finished, failed
    }

    private static let bufferBytes = 1 << 20

    let path: String
    private let partialPath: String
    private let descriptor: Int32
    private var state = State.open
    private var buffer: [UInt8] = []
    private var flushedBytes = 0

    /// The number of bytes appended so far.
    var length: Int { flushedBytes + buffer.count }

    init(_ path: String) throws(FormatError) {
        self.path = path
        partialPath = path + ".partial"
        do throws(SystemError) {
            try Self.checkTarget(path)
        } catch {
            throw FormatError.io("create", path, error)
        }
        do throws(SystemError) {
            descriptor = try Self.openLocked(partialPath)
        } catch {
            throw FormatError.io("create", partialPath, error)
        }
        buffer.reserveCapacity(Self.bufferBytes)
    }

    deinit {
        if state == .open { SystemCall.remove(partialPath) }
        SystemCall.close(descriptor)
    }

    func append(_ bytes: some Sequence<UInt8>) throws(FormatError) {
        try requireOpen()
        buffer.append(contentsOf: bytes)
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    /// Appends the values' bytes, little-endian.
    func append<Element: BitwiseCopyable>(elements: Span<Element>) throws(FormatError) {
        try requireOpen()
        unsafe elements.withUnsafeBytes { unsafe buffer.append(contentsOf: $0) }
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    /// Writes `header`, if any, over the first bytes, makes the file durable and gives it its name.
    ///
    /// - Returns: The file's length in bytes.
    func finish(patching header: [UInt8] = []) throws(FormatError) -> Int {
        try requireOpen()
        precondition(header.count <= length, "a patch may not lengthen the file")
        try flush()
        try attempt("write") { () throws(SystemError) in
            try SystemCall.write(descriptor, header, at: 0)
            try SystemCall.synchronize(descriptor)
        }
        try attempt("rename") { () throws(SystemError) in
            try SystemCall.rename(partialPath, to: path)
        }
        state = .finished
        do throws(SystemError) {
            try SystemCall.synchronizeDirectory(directory)
        } catch {
            throw FormatError.io("sync the directory of", path, error)
        }
        return flushedBytes
    }

    private func flush() throws(FormatError) {
        try attempt("write") { () throws(SystemError) in
            try SystemCall.write(descriptor, buffer, at: flushedBytes)
        }
        flushedBytes += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    /// After a failure nothing more is written, since it is no longer known what the disk holds.
    private func attempt(_ action: String, _ work: () throws(SystemError) -> Void) throws(FormatError) {
        do throws(SystemError) {
            try work()
        } catch {
            state = .failed
            SystemCall.remove(partialPath)
            throw FormatError.io(action, partialPath, error)
        }
    }

    private func requireOpen() throws(FormatError) {
        guard state == .open else {
            let what = state == .finished ? "is finished" : "failed before"
            throw FormatError.invalid(path, "writing \(what)", remedy: "write the file again from the start")
        }
    }

    private var directory: String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// Refuses a directory, onto which a rename would fail after everything was written, and a device, which a rename
    /// would replace.
    private static func checkTarget(_ path: String) throws(SystemError) {
        do throws(SystemError) {
            let status = try SystemCall.status(at: path)
            if status.isDirectory { throw SystemError.directory }
            if !status.isRegular { throw SystemError.notSeekable }
        } catch {
            if !error.isMissingFile { throw error }
        }
    }

    /// The lock proves that a file found under this name has no living writer. That writer may have renamed the file
    /// between our open and our lock: then the name no longer leads to the file that we hold, and emptying it would
    /// destroy a finished file.
    private static func openLocked(_ path: String) throws(SystemError) -> Int32 {
        let descriptor = try SystemCall.openForWriting(path)
        do throws(SystemError) {
            try SystemCall.lock(descriptor)
            let held = try SystemCall.status(of: descriptor)
            guard let named = try? SystemCall.status(at: path), named.inode == held.inode, named.device == held.device
            else { throw SystemError.busy }
            try SystemCall.truncate(descriptor)
            return descriptor
        } catch {
            SystemCall.close(descriptor)
            throw error
        }
    }
}
