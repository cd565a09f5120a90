import CLacunaPlatform
import LacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A file that appears under its name only when it is whole and on stable storage.
///
/// Bytes go to `NAME.lacuna-partial` beside it, through a buffer of 1 MiB. ``complete(patching:)`` syncs it, and
/// ``publish(_:)`` renames it to `NAME` and syncs the directory. If anything fails before that, or the last reference
/// goes, `NAME.lacuna-partial` is deleted and `NAME` is as it was. One that a killed process has left is deleted first;
/// one that another process is still writing is locked, and refused with `.io(errno: EWOULDBLOCK)`.
///
/// A file that replaces another one has its permissions.
final class AtomicFile {
    /// What becomes of a file that has the name already.
    enum Publishing {
        case replacing
        /// It stays, and the call fails with `.io(errno: EEXIST)`.
        case new
    }

    private enum State {
        case open, complete, finished, failed
    }

    private static let bufferBytes = 1 << 20
    private static let partialEnding = ".lacuna-partial"

    let path: String
    private let name: String
    let directory: Directory
    private let descriptor: Int32
    private let files = SystemFileSystem()
    private var state = State.open
    private var buffer: [UInt8] = []
    private var flushedBytes = 0

    /// The file's name in its directory until it is published.
    var partialName: String { name + Self.partialEnding }

    /// The number of bytes appended so far.
    var length: Int { flushedBytes + buffer.count }

    init(_ path: String) throws(FormatError) {
        self.path = path
        let permissions: mode_t?
        do throws(SystemError) {
            permissions = try Self.permissions(ofTarget: path)
            (directory, name) = try Self.place(of: path)
        } catch {
            throw FormatError.io("create", path, error)
        }
        do throws(SystemError) {
            descriptor = try Self.openLocked(name + Self.partialEnding, in: directory)
            // Before there is a byte that others mustn't read.
            if let permissions { fchmod(descriptor, permissions) }
        } catch {
            throw FormatError.io("create", path + Self.partialEnding, error)
        }
        buffer.reserveCapacity(Self.bufferBytes)
    }

    deinit {
        if state == .open || state == .complete { removePartial() }
        files.close(descriptor)
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
        try complete(patching: header)
        try publish(.replacing)
        return length
    }

    /// Writes `header`, if any, over the first bytes, and makes the file durable, still as `NAME.partial`.
    func complete(patching header: [UInt8] = []) throws(FormatError) {
        try requireOpen()
        precondition(header.count <= length, "a patch may not lengthen the file")
        try flush()
        try attempt("write") { () throws(SystemError) in
            try write(header, at: 0)
            try files.sync(descriptor)
            // SQLite writes past the buffer.
            flushedBytes = Int(try FileStatus.of(descriptor).size)
        }
        state = .complete
    }

    func completeIfOpen() throws(FormatError) {
        if state == .open { try complete() }
    }

    /// Gives the complete file its name.
    func publish(_ publishing: Publishing) throws(FormatError) {
        precondition(state == .complete, "the file isn't complete")
        try attempt("rename") { () throws(SystemError) in
            switch publishing {
            case .replacing: try files.rename(name + Self.partialEnding, to: name, in: directory)
            case .new: try files.renameNew(name + Self.partialEnding, to: name, in: directory)
            }
        }
        state = .finished
        do throws(SystemError) {
            try files.sync(directory)
        } catch {
            throw FormatError.io("sync the directory of", path, error)
        }
    }

    private func flush() throws(FormatError) {
        try attempt("write") { () throws(SystemError) in
            try write(buffer, at: flushedBytes)
        }
        flushedBytes += buffer.count
        buffer.removeAll(keepingCapacity: true)
    }

    private func write(_ bytes: [UInt8], at offset: Int) throws(SystemError) {
        try unsafe bytes.span.withUnsafeBytes { bytes throws(SystemError) in
            try unsafe files.writeAll(descriptor, bytes, at: Int64(offset))
        }
    }

    private func removePartial() { try? files.unlink(name + Self.partialEnding, in: directory) }

    /// After a failure nothing more is written, since it is no longer known what the disk holds.
    private func attempt(_ action: String, _ work: () throws(SystemError) -> Void) throws(FormatError) {
        do throws(SystemError) {
            try work()
        } catch {
            state = .failed
            removePartial()
            throw FormatError.io(action, path + Self.partialEnding, error)
        }
    }

    private func requireOpen() throws(FormatError) {
        guard state == .open else {
            let what = state == .failed ? "failed before" : "is finished"
            throw FormatError.invalid(path, "writing \(what)", remedy: "write the file again from the start")
        }
    }

    /// The directory of the file, and the file's name in it.
    private static func place(of path: String) throws(SystemError) -> (Directory, String) {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (try Directory("."), path) }
        let directory = slash == path.startIndex ? "/" : String(path[..<slash])
        return (try Directory(directory), String(path[path.utf8.index(after: slash)...]))
    }

    /// Refuses a directory, onto which a rename would fail after everything was written, and a device, which a rename
    /// would replace.
    ///
    /// - Returns: The permissions of the file that is there; nil if there is none.
    private static func permissions(ofTarget path: String) throws(SystemError) -> mode_t? {
        do throws(SystemError) {
            let status = try FileStatus.at(path)
            try status.checkRegular(path)
            return status.mode
        } catch {
            if error.errno != ENOENT { throw error }
            return nil
        }
    }

    /// Makes the file and locks it.
    private static func openLocked(_ name: String, in directory: Directory) throws(SystemError) -> Int32 {
        try removeLeft(name, in: directory)
        let path = directory.path(name)
        let descriptor = try SystemFileSystem.check("open", path) {
            let flags = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC
            return SystemFileSystem.openDescriptor(name, in: directory.descriptor, flags, 0o666)
        }
        do throws(SystemError) { try lock(descriptor, name, in: directory) } catch {
            SystemFileSystem().close(descriptor)
            throw error
        }
        return descriptor
    }

    /// Removes the name of a file that a killed process has left. It isn't emptied and used again: it may have got
    /// another name too, under which it is wanted.
    private static func removeLeft(_ name: String, in directory: Directory) throws(SystemError) {
        let left: Int32
        do throws(SystemError) {
            left = try SystemFileSystem.check("open", directory.path(name)) {
                SystemFileSystem.openDescriptor(name, in: directory.descriptor, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0)
            }
        } catch {
            if error.errno == ENOENT { return }
            throw error
        }
        defer { SystemFileSystem().close(left) }
        try lock(left, name, in: directory)
        try SystemFileSystem().unlink(name, in: directory)
    }

    /// The lock proves that the file has no other living writer. Such a writer may have renamed it between our open and
    /// our lock, or removed it: then the name no longer leads to the file that we hold.
    private static func lock(_ descriptor: Int32, _ name: String, in directory: Directory) throws(SystemError) {
        let path = directory.path(name)
        let code = lacuna_lock(descriptor, true)
        if code != 0 { throw SystemError(errno: code, call: "lock", path: path) }
        let held = try FileStatus.of(descriptor).identity
        guard try directory.status(name)?.identity == held else {
            throw SystemError(errno: EWOULDBLOCK, call: "lock", path: path)
        }
    }
}
