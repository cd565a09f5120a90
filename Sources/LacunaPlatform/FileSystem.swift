import CLacunaPlatform

#if canImport(Darwin)
package import Darwin
#else
package import Glibc
#endif

/// How a file is opened. Only regular files are opened, no link is followed, and the call doesn't wait.
package enum FileAccess: Sendable {
    case read
    case readWrite
    /// Fails with EEXIST if the name is taken. Before anything is written, the file gets the mode of another file and,
    /// if this process may change it, its owner.
    case createNew(like: FileStatus? = nil)

    package var creates: Bool { if case .createNew = self { true } else { false } }
    package var writes: Bool { if case .read = self { false } else { true } }
}

/// Every operation on the data file and its directory. This is the one seam at which tests make an operation fail, or
/// stop the process after it. SQLite's own operations go through its VFS.
package protocol FileSystem: Sendable {
    func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32
    func close(_ descriptor: Int32)
    /// Calls pread(2) once. Returns the number of bytes read, 0 at the end of the file.
    func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int
    /// Calls pwrite(2) once. Returns the number of bytes written, which may be less than was given.
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int
    /// Reserves blocks for the range and extends the file over it.
    func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError)
    func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError)
    func punchHole(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError)
    /// Tells the kernel to begin writing a range that a later sync waits for. This is a hint.
    func beginWriteback(_ descriptor: Int32, offset: Int64, length: Int64)
    /// Waits for writes that were begun, so that not too many of them pile up. Makes nothing durable.
    func finishWriteback(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError)
    func sync(_ descriptor: Int32) throws(SystemError)
    func sync(_ directory: Directory) throws(SystemError)
    /// Removes a name. If `identity` is given, removes it only if it still leads to that file, and not to another one
    /// that has taken its place.
    func unlink(_ name: String, in directory: Directory, ifItIs identity: FileIdentity?) throws(SystemError)
    /// Makes a directory of that name, to which no other user has access, in another one.
    func createDirectory(_ name: String, in directory: Directory) throws(SystemError) -> Directory
    /// Removes the empty directory of that name from another one.
    func removeDirectory(_ name: String, in directory: Directory) throws(SystemError)
    func rename(_ name: String, to newName: String, in directory: Directory) throws(SystemError)
    /// Renames, but fails with EEXIST if the new name is taken.
    func renameNew(_ name: String, to newName: String, in directory: Directory) throws(SystemError)
    /// Exchanges two names in one step.
    func exchange(_ name: String, _ other: String, in directory: Directory) throws(SystemError)
    /// Makes an empty file share the bytes of another one, without copying them.
    func clone(_ source: Int32, to descriptor: Int32) throws(SystemError)
}

extension FileSystem {
    package func unlink(_ name: String, in directory: Directory) throws(SystemError) {
        try unlink(name, in: directory, ifItIs: nil)
    }

    /// Reads until `buffer` is full or the file ends. Returns the number of bytes read.
    package func readAll(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try unsafe read(descriptor, into: rest, at: offset + Int64(done))
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Writes all bytes, by continuing short writes.
    package func writeAll(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) {
        var done = 0
        while done < bytes.count {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[done...])
            done += try unsafe write(descriptor, rest, at: offset + Int64(done))
        }
    }
}

/// The operating system's file system.
package struct SystemFileSystem: FileSystem {
    package init() {}

    package func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
        let path = directory.path(name)
        let flags: Int32
        var mode: mode_t = 0
        switch access {
        case .read: flags = O_RDONLY
        case .readWrite: flags = O_RDWR
        case .createNew(let model):
            flags = O_RDWR | O_CREAT | O_EXCL
            mode = model == nil ? 0o644 : 0o600
        }
        if !access.creates { try directory.regularStatus(name) }
        let descriptor = try Self.check("open", path) {
            Self.openDescriptor(name, in: directory.descriptor, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, mode)
        }
        if case .createNew(let model?) = access { Self.giveOwner(of: model, to: descriptor) }
        return descriptor
    }

    /// Gives a file the model's owner and mode. If this user may not give files away, the file keeps its owner, and
    /// others get no more access to it than they have to the model.
    package static func giveOwner(of model: FileStatus, to descriptor: Int32) {
        // On some file systems, and for some users, this fails even if nothing would change.
        if fchown(descriptor, model.owner, model.group) != 0 { _ = fchown(descriptor, .max, model.group) }
        guard let status = try? FileStatus.of(descriptor) else { return }
        var mode = model.mode
        if status.group != model.group {
            // The group's bits are meant for the model's group, whose members count as others for this file.
            mode = mode & 0o700 | mode & mode >> 3 & 0o007
        }
        if status.mode != mode { _ = fchmod(descriptor, mode) }
    }

    package static func openDescriptor(_ name: String, in directory: Int32, _ flags: Int32, _ mode: mode_t = 0) -> Int32
    {
        #if canImport(Darwin)
        unsafe Darwin.openat(directory, name, flags, mode)
        #else
        unsafe Glibc.openat(directory, name, flags, mode)
        #endif
    }

    package func close(_ descriptor: Int32) {
        #if canImport(Darwin)
        _ = Darwin.close(descriptor)
        #else
        _ = Glibc.close(descriptor)
        #endif
    }

    package func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        try Self.check("read", "") { unsafe pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    package func write(
        _ descriptor: Int32,
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        try Self.check("write", "") { unsafe pwrite(descriptor, bytes.baseAddress, bytes.count, off_t(offset)) }
    }

    package func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try checkCode("allocate", "", lacuna_allocate(descriptor, offset, length))
    }

    package func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError) {
        _ = try Self.check("truncate", "") { ftruncate(descriptor, off_t(length)) }
    }

    package func punchHole(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try checkCode("punch a hole in", "", lacuna_punch_hole(descriptor, offset, length))
    }

    package func beginWriteback(_ descriptor: Int32, offset: Int64, length: Int64) {
        lacuna_begin_writeback(descriptor, offset, length)
    }

    package func finishWriteback(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        let code = lacuna_finish_writeback(descriptor, offset, length)
        // Some file systems have no such operation.
        if code != 0 && code != ESPIPE && code != ENOSYS && code != EINVAL {
            throw SystemError(errno: code, call: "write", path: "")
        }
    }

    package func sync(_ descriptor: Int32) throws(SystemError) {
        try checkCode("sync", "", lacuna_sync(descriptor))
    }

    package func sync(_ directory: Directory) throws(SystemError) {
        try checkCode("sync", directory.path, lacuna_sync_directory(directory.descriptor))
    }

    package func unlink(
        _ name: String,
        in directory: Directory,
        ifItIs identity: FileIdentity?
    ) throws(SystemError) {
        if let identity, try directory.status(name)?.identity != identity { return }
        _ = try Self.check("remove", directory.path(name)) { unsafe unlinkat(directory.descriptor, name, 0) }
    }

    package func createDirectory(_ name: String, in directory: Directory) throws(SystemError) -> Directory {
        let path = directory.path(name)
        _ = try Self.check("create", path) { unsafe mkdirat(directory.descriptor, name, 0o700) }
        return try Directory(path)
    }

    package func removeDirectory(_ name: String, in directory: Directory) throws(SystemError) {
        _ = try Self.check("remove", directory.path(name)) {
            unsafe unlinkat(directory.descriptor, name, AT_REMOVEDIR)
        }
    }

    package func rename(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
        _ = try Self.check("rename", directory.path(name)) {
            unsafe renameat(directory.descriptor, name, directory.descriptor, newName)
        }
    }

    package func renameNew(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
        let path = directory.path(newName)
        do throws(SystemError) {
            try checkCode("rename to", path, unsafe lacuna_rename_new(directory.descriptor, name, newName))
        } catch {
            guard error.isUnsupported || error.errno == EINVAL else { throw error }
            if try directory.status(newName) != nil { throw SystemError(errno: EEXIST, call: "rename to", path: path) }
            try rename(name, to: newName, in: directory)
        }
    }

    package func exchange(_ name: String, _ other: String, in directory: Directory) throws(SystemError) {
        let path = directory.path(other)
        try checkCode("exchange", path, unsafe lacuna_exchange_names(directory.descriptor, name, other))
    }

    package func clone(_ source: Int32, to descriptor: Int32) throws(SystemError) {
        try checkCode("clone to", "", lacuna_clone(descriptor, source))
    }

    /// Repeats a call that a signal has interrupted. EINTR is handled here, for all calls.
    package static func check<I: BinaryInteger>(_ call: String, _ path: String, _ body: () -> I) throws(SystemError)
        -> I
    {
        while true {
            let result = body()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw SystemError(errno: code, call: call, path: path) }
        }
    }

    private func checkCode(_ call: String, _ path: String, _ code: Int32) throws(SystemError) {
        if code != 0 { throw SystemError(errno: code, call: call, path: path) }
    }
}
