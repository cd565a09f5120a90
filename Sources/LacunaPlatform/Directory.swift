import CLacunaPlatform
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A directory that is held open. Names are looked up relative to its descriptor, so they stay names in this directory
/// wherever its path leads meanwhile. No link is followed.
package final class Directory: Sendable {
    /// The path as it was given, made absolute. It is used in messages, and to check whether it still leads here.
    package let path: String
    private let held: HeldDescriptors
    package let descriptor: Int32

    package var identity: FileIdentity { held.identity }

    /// A relative path is resolved now, because the process may change its working directory later.
    package init(_ path: String) throws(SystemError) {
        let path = Self.absolute(path)
        (held, descriptor) = try HeldDescriptors.open(path)
        self.path = path
    }

    deinit { held.release(descriptor) }

    package func path(_ name: String) -> String { path + "/" + name }

    // MARK: The directory

    /// Whether the path that the directory was opened by still leads to it. If this process may not look there, for
    /// example after it has given up privileges, the answer is yes. Costs one stat(2).
    package var isAtItsPath: Bool {
        var buffer = stat()
        if unsafe stat(path, &buffer) == 0 { return FileIdentity(buffer) == identity }
        return ![ENOENT, ENOTDIR, ELOOP].contains(errno)
    }

    /// Its own status.
    package func ownStatus() throws(SystemError) -> FileStatus { try FileStatus.of(descriptor) }

    /// The names in the directory, sorted, without `.` and `..`.
    package func names() throws(SystemError) -> [String] {
        let own = try SystemFileSystem.check("list", path) {
            SystemFileSystem.openDescriptor(".", in: descriptor, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        guard let stream = unsafe fdopendir(own) else {
            let code = errno
            SystemFileSystem().close(own)
            throw SystemError(errno: code, call: "list", path: path)
        }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                if errno != 0 { throw SystemError(errno: errno, call: "list", path: path) }
                return names.sorted()
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != "." && name != ".." { names.append(name) }
        }
    }

    /// Whether new files can be made in the directory, by permission and by mount.
    package var isWritable: Bool { isAccessible(".", W_OK) }

    /// The bytes of disk that an unprivileged process may still use.
    package func freeBytes() throws(SystemError) -> Int64 {
        var buffer = statvfs()
        if unsafe fstatvfs(descriptor, &buffer) != 0 {
            throw SystemError(errno: errno, call: "statvfs", path: path)
        }
        let (bytes, overflow) = Int64(clamping: buffer.f_bavail)
            .multipliedReportingOverflow(by: Int64(clamping: buffer.f_frsize))
        return overflow ? .max : bytes
    }

    // MARK: Names in it

    /// The status of the file with that name, or nil if there is none. The file is not opened: if a descriptor of the
    /// index were closed, this process would lose all its POSIX locks on it (fcntl(2)).
    package func status(_ name: String) throws(SystemError) -> FileStatus? {
        var buffer = stat()
        guard unsafe fstatat(descriptor, name, &buffer, AT_SYMLINK_NOFOLLOW) == 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR { return nil }
            throw SystemError(errno: code, call: "stat", path: path(name))
        }
        return FileStatus(buffer)
    }

    /// The same, but throws if something other than a regular file has the name. Opening that could block, change a
    /// device, or lead out of the directory.
    @discardableResult
    package func regularStatus(_ name: String) throws(SystemError) -> FileStatus? {
        guard let status = try status(name) else { return nil }
        if let kind = status.otherKind { throw SystemError(path: path(name), isNoFileBut: kind) }
        return status
    }

    /// Whether there is a file of that name that this process may read.
    package func isReadable(_ name: String) -> Bool { isAccessible(name, R_OK) }

    /// Whether there is a file of that name that this process may write.
    package func isWritable(_ name: String) -> Bool { isAccessible(name, W_OK) }

    private func isAccessible(_ name: String, _ mode: Int32) -> Bool {
        unsafe faccessat(descriptor, name, mode, AT_EACCESS) == 0
    }

    // MARK: Paths

    /// Whether anything is at `path`.
    package static func isThere(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    /// Makes the directory at `path`; its parent must exist.
    package static func create(_ path: String) throws(SystemError) {
        if unsafe mkdir(path, 0o755) != 0 { throw SystemError(errno: errno, call: "create", path: path) }
    }

    /// The directory that holds `path`.
    package static func parent(of path: String) -> String {
        var path = path[...]
        while path.count > 1 && path.last == "/" { path.removeLast() }
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func absolute(_ path: String) -> String {
        guard !path.isEmpty, !path.hasPrefix("/"), let working = unsafe getcwd(nil, 0) else { return path }
        defer { unsafe free(working) }
        return unsafe String(cString: working) + "/" + path
    }

    /// The path by which SQLite opens names in this directory. It leads into the directory whatever happens to the
    /// directory's own path. Nil if the system has no such paths (proc(5)). The path is that of the current thread,
    /// because the process's own is gone once its first thread has ended.
    package var descriptorPath: String? {
        let path = "/proc/thread-self/fd/\(descriptor)"
        if Self.hasDescriptorPaths.load(ordering: .relaxed) { return path }
        var buffer = stat()
        guard unsafe stat(path, &buffer) == 0, FileIdentity(buffer) == identity else { return nil }
        Self.hasDescriptorPaths.store(true, ordering: .relaxed)
        return path
    }

    /// Whether the system had such paths before. If they have gone since, SQLite fails to open files by them.
    private static let hasDescriptorPaths = Atomic(false)

    /// The directory's path without links and dots.
    package func realPath() throws(SystemError) -> String {
        guard let real = unsafe realpath(path, nil) else { throw SystemError(errno: errno, call: "find", path: path) }
        defer { unsafe free(real) }
        return unsafe String(cString: real)
    }
}

/// The descriptors that the process has of one directory: one for each kind of mount, because a directory may be
/// writable by one path and not by another. All of these numbers lead to the directory for as long as anything uses one
/// of them.
///
/// SQLite names a database's shared memory by the path of the connection that opened it first, and unlinks that path
/// when the last connection closes. If the number in that path were another directory's by then, SQLite would unlink
/// that directory's shared memory.
private final class HeldDescriptors: Sendable {
    private struct Reference: Sendable {
        weak let value: HeldDescriptors?
    }

    private struct State: Sendable {
        /// The flags of the mount that each descriptor was opened by; or, once nobody uses that mount any more, of the
        /// mount that it was moved to.
        var flags: [Int32: UInt] = [:]
        var users: [UInt: Int] = [:]
    }

    private static let all = Guarded<[FileIdentity: Reference]>([:])

    let identity: FileIdentity
    private let state = Guarded(State())

    private init(_ identity: FileIdentity) { self.identity = identity }

    deinit {
        for descriptor in state.withLock({ $0.flags.keys }) { SystemFileSystem().close(descriptor) }
    }

    /// Opens the directory at `path`. The caller must release the descriptor.
    static func open(_ path: String) throws(SystemError) -> (held: HeldDescriptors, descriptor: Int32) {
        let descriptor = try SystemFileSystem.check("open", path) {
            SystemFileSystem.openDescriptor(path, in: AT_FDCWD, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        }
        var status = stat()
        var mount = statvfs()
        guard unsafe fstat(descriptor, &status) == 0, unsafe fstatvfs(descriptor, &mount) == 0 else {
            let code = errno
            SystemFileSystem().close(descriptor)
            throw SystemError(errno: code, call: "stat", path: path)
        }
        let identity = FileIdentity(status)
        return all.withLock { all in
            // While a descriptor is open, no other directory gets its device and inode.
            let held = all[identity]?.value ?? HeldDescriptors(identity)
            all = all.filter { $0.value.value != nil }
            all[identity] = Reference(value: held)
            return (held, held.retain(descriptor, UInt(mount.f_flag)))
        }
    }

    /// Returns the descriptor that there already is for such a mount, and closes this one; or this one if there is
    /// none.
    private func retain(_ descriptor: Int32, _ flags: UInt) -> Int32 {
        state.withLock { state in
            state.users[flags, default: 0] += 1
            if let known = state.flags.first(where: { $0.value == flags })?.key {
                SystemFileSystem().close(descriptor)
                return known
            }
            state.flags[descriptor] = flags
            return descriptor
        }
    }

    /// When a mount's last user releases its descriptor, the number is moved to another mount, so the first one can be
    /// unmounted.
    func release(_ descriptor: Int32) {
        state.withLock { state in
            guard let flags = state.flags[descriptor] else { return }
            state.users[flags, default: 1] -= 1
            if state.users[flags] != 0 { return }
            state.users[flags] = nil
            guard let other = state.flags.first(where: { state.users[$0.value] != nil }) else { return }
            for number in state.flags.filter({ $0.value == flags }).keys {
                if lacuna_replace_descriptor(number, other.key) == 0 { state.flags[number] = other.value }
            }
        }
    }
}
