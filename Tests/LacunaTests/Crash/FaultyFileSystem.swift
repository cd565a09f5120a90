@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The system's file system behind a ``TestDisk``, which records each operation and may make it fail.
struct FaultyFileSystem: FileSystemLayer {
    let disk: TestDisk
    /// Writes fewer bytes than asked for, as pwrite(2) may.
    var writesShort = false
    /// The error of punching a hole, if the file system must not support holes.
    var punchError: Int32?
    /// Whether syncs reach the system, which matters only for measurements of the system.
    var syncsReally = false
    private static let names = Guarded<[Int32: String]>([:])

    private func operation(_ kind: DiskOperation.Kind, _ name: String) -> DiskOperation {
        DiskOperation(kind: kind, name: name, isSQLite: false)
    }

    private func operation(_ kind: DiskOperation.Kind, _ descriptor: Int32) -> DiskOperation {
        DiskOperation(
            kind: kind,
            name: Self.names.withLock { $0[descriptor] } ?? TestDisk.name(of: descriptor),
            isSQLite: false
        )
    }

    private func ask(_ operation: DiskOperation) throws(SystemError) {
        if let errno = disk.wants(operation) {
            throw SystemError(errno: errno, call: "\(operation.kind)", path: operation.name)
        }
    }

    func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
        let operation = operation(access.creates ? .create : .open, name)
        try ask(operation)
        let descriptor = try below.open(name, in: directory, access)
        Self.names.withLock { $0[descriptor] = operation.name }
        if access.writes { disk.did(operation) }
        return descriptor
    }

    func close(_ descriptor: Int32) { Self.close(descriptor) }

    /// Closes a descriptor of any disk.
    static func close(_ descriptor: Int32) {
        names.withLock { $0[descriptor] = nil }
        SystemFileSystem().close(descriptor)
    }

    func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        try ask(operation(.read, descriptor))
        return try unsafe below.read(descriptor, into: buffer, at: offset)
    }

    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        let operation = operation(.write, descriptor)
        try ask(operation)
        let count = writesShort && bytes.count > 1 ? (bytes.count + 1) / 2 : bytes.count
        let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<count])
        let written = try unsafe below.write(descriptor, part, at: offset)
        disk.did(operation, .write(unsafe Array(part.prefix(written)), at: offset))
        return written
    }

    func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        let operation = operation(.allocate, descriptor)
        try ask(operation)
        try below.allocate(descriptor, offset: offset, length: length)
        disk.did(operation, .extend(offset + length))
    }

    func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError) {
        let operation = operation(.truncate, descriptor)
        try ask(operation)
        try below.truncate(descriptor, to: length)
        disk.did(operation, .truncate(length))
    }

    func punchHole(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        let operation = operation(.punch, descriptor)
        try ask(operation)
        if let punchError { throw SystemError(errno: punchError, call: "punch", path: operation.name) }
        try below.punchHole(descriptor, offset: offset, length: length)
        disk.did(operation, .zero(offset..<offset + length))
    }

    func sync(_ descriptor: Int32) throws(SystemError) {
        let operation = operation(.sync, descriptor)
        try ask(operation)
        if syncsReally { try below.sync(descriptor) }
        disk.did(operation)
    }

    func finishWriteback(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try ask(operation(.writeback, descriptor))
        try below.finishWriteback(descriptor, offset: offset, length: length)
    }

    func sync(_ directory: Directory) throws(SystemError) {
        try syncDirectory(directory.path == disk.directory ? "." : "..")
    }

    /// Syncs the disk's directory, whatever its path is by now.
    func syncNames() throws(SystemError) { try syncDirectory(".") }

    private func syncDirectory(_ name: String) throws(SystemError) {
        let operation = operation(.syncDirectory, name)
        try ask(operation)
        disk.did(operation)
    }

    func unlink(_ name: String, in directory: Directory, ifItIs identity: FileIdentity?) throws(SystemError) {
        let operation = operation(.unlink, name)
        try ask(operation)
        try below.unlink(name, in: directory, ifItIs: identity)
        disk.did(operation)
    }

    func rename(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
        let operation = DiskOperation(
            kind: .rename,
            name: name,
            newName: newName,
            isSQLite: false
        )
        try ask(operation)
        try below.rename(name, to: newName, in: directory)
        disk.did(operation)
    }
}
