@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The system's file system behind a ``TestTree``: operations on a file go to the disk of its directory, and operations
/// on a directory go to the tree.
struct TreeFileSystem: FileSystemLayer {
    let tree: TestTree
    /// Whether two names can be exchanged in one step.
    var exchanges = true

    // MARK: Files

    private func files(_ directory: Directory) throws(SystemError) -> FaultyFileSystem {
        try files("/proc/self/fd/\(directory.descriptor)", directory.path)
    }

    private func files(_ descriptor: Int32) throws(SystemError) -> FaultyFileSystem {
        let path = TestDisk.link("/proc/self/fd/\(descriptor)")
        return try files(Directory.parent(of: path), path)
    }

    private func files(_ directory: String, _ path: String) throws(SystemError) -> FaultyFileSystem {
        guard let disk = TestDisk.at(directory) else { throw SystemError(errno: ENODEV, call: "simulate", path: path) }
        return disk.fileSystem
    }

    func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
        try files(directory).open(name, in: directory, access)
    }

    func close(_ descriptor: Int32) { FaultyFileSystem.close(descriptor) }

    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        try unsafe files(descriptor).write(descriptor, bytes, at: offset)
    }

    func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try files(descriptor).allocate(descriptor, offset: offset, length: length)
    }

    func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError) {
        try files(descriptor).truncate(descriptor, to: length)
    }

    func punchHole(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try files(descriptor).punchHole(descriptor, offset: offset, length: length)
    }

    func sync(_ descriptor: Int32) throws(SystemError) { try files(descriptor).sync(descriptor) }

    func unlink(_ name: String, in directory: Directory, ifItIs identity: FileIdentity?) throws(SystemError) {
        try files(directory).unlink(name, in: directory, ifItIs: identity)
    }

    func clone(_ source: Int32, to descriptor: Int32) throws(SystemError) {
        throw SystemError(errno: EOPNOTSUPP, call: "clone to", path: "")
    }

    // MARK: Directories

    private func isParent(_ directory: Directory) -> Bool { directory.identity == tree.directory.identity }

    func sync(_ directory: Directory) throws(SystemError) {
        guard isParent(directory) else { return try files(directory).syncNames() }
        tree.willChange("sync the parent")
        tree.didChange { $0.sync() }
    }

    func rename(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
        guard isParent(directory) else { return try files(directory).rename(name, to: newName, in: directory) }
        tree.willChange("rename \(name) to \(newName)")
        try below.rename(name, to: newName, in: directory)
        tree.didChange { $0.rename(name, to: newName) }
    }

    func renameNew(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
        tree.willChange("rename \(name) to \(newName)")
        try below.renameNew(name, to: newName, in: directory)
        tree.didChange { $0.rename(name, to: newName) }
    }

    func exchange(_ name: String, _ other: String, in directory: Directory) throws(SystemError) {
        guard exchanges else { throw SystemError(errno: EINVAL, call: "exchange", path: directory.path(name)) }
        tree.willChange("exchange \(name) with \(other)")
        try below.exchange(name, other, in: directory)
        tree.didChange { $0.exchange(name, other) }
    }

    func createDirectory(_ name: String, in directory: Directory) throws(SystemError) -> Directory {
        tree.willChange("create \(name)")
        let made = try below.createDirectory(name, in: directory)
        do { try tree.didCreate(name) } catch { throw SystemError(errno: ENODEV, call: "simulate", path: made.path) }
        return made
    }

    func removeDirectory(_ name: String, in directory: Directory) throws(SystemError) {
        tree.willChange("remove \(name)")
        try below.removeDirectory(name, in: directory)
        tree.didChange { $0.unlink(name) }
    }
}
