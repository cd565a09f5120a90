import CLacunaPlatform

#if canImport(Darwin)
package import Darwin
#else
package import Glibc
#endif

/// How a file is opened: a regular one and no other, without following a link, and without waiting.
package enum FileAccess: Sendable {
    case read
    case readWrite
    /// Fails with EEXIST where the name is taken. The file gets the mode and, as far as this process may give it, the owner of
    /// another one, before it has a byte.
    case createNew(like: FileStatus? = nil)

    package var creates: Bool { if case .createNew = self { true } else { false } }
    package var writes: Bool { if case .read = self { false } else { true } }
}

/// Every operation on the data file and its directory: the one seam at which tests make any of them fail, or stop the
/// process after it. SQLite's own operations go through its VFS.
package protocol FileSystem: Sendable {
    func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32
    func close(_ descriptor: Int32)
    /// One pread(2): the bytes read, 0 at the end of the file.
    func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int
    /// One pwrite(2): the bytes written, perhaps fewer than given.
    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int
    /// Reserves blocks for the range and extends the file over it.
    func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError)
    func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError)
    func punchHole(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError)
    /// Has the disk begin with what a sync will wait for: a hint.
    func beginWriteback(_ descriptor: Int32, offset: Int64, length: Int64)
    /// Waits for what was begun, so that not too much of it piles up; makes nothing durable.
    func finishWriteback(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError)
    func sync(_ descriptor: Int32) throws(SystemError)
    func sync(_ directory: Directory) throws(SystemError)
    /// Where `identity` is given, only if the name still leads to that file: another one that was put in its place keeps it.
    func unlink(_ name: String, in directory: Directory, ifItIs identity: FileIdentity?) throws(SystemError)
    /// Makes a directory of that name in another one, which no other user gets at.
    func createDirectory(_ name: String, in directory: Directory) throws(SystemError) -> Directory
    /// Removes a directory of that name from another one, which must be empty.
    func removeDirectory(_ name: String, in directory: Directory) throws(SystemError)
    func rename(_ name: String, to newName: String, in directory: Directory) throws(SystemError)
    /// Fails with EEXIST where somebody has the new name.
    func renameNew(_ name: String, to newName: String, in directory: Directory) throws(SystemError)
    /// Both names change in one step.
    func exchange(_ name: String, _ other: String, in directory: Directory) throws(SystemError)
    /// Gives an empty file the bytes of another one without copying them.
    func clone(_ source: Int32, to descriptor: Int32) throws(SystemError)
}

extension FileSystem {
    package func unlink(_ name: String, in directory: Directory) throws(SystemError) {
        try unlink(name, in: directory, ifItIs: nil)
    }

    /// Reads until `buffer` is full or the file ends; the bytes read.
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

    /// Continues short writes.
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

    /// A user who may not give files away keeps the file, and lets others at it no more than they were let at the model.
    package static func giveOwner(of model: FileStatus, to descriptor: Int32) {
        // Not every file system, nor every user, may change even what is so already.
        if fchown(descriptor, model.owner, model.group) != 0 { _ = fchown(descriptor, .max, model.group) }
        guard let status = try? FileStatus.of(descriptor) else { return }
        var mode = model.mode
        if status.group != model.group {
            // Bits for a group are meant for that group, whose members are among all others now.
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
        // Some file systems have no such thing.
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

    /// Where EINTR is handled, once for all calls: one that a signal has interrupted is made again.
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
