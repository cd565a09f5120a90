import Lacuna

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The system's file system up to an operation that changes something. From there on nothing happens any more, as after
/// a kill; or only that operation fails.
struct StoppingFileSystem: FileSystemLayer {
    private let left: Guarded<Int>
    /// Whether names can be exchanged in one step.
    let exchanges: Bool
    private let failsOnce: Bool

    init(after count: Int, exchanges: Bool = true, failsOnce: Bool = false) {
        left = Guarded(count)
        self.failsOnce = failsOnce
        self.exchanges = exchanges
    }

    var isStopped: Bool { left.withLock { $0 < 0 } }

    private func step() throws(SystemError) {
        let stops = left.withLock { left in
            left -= 1
            return failsOnce ? left == -1 : left < 0
        }
        if stops { throw SystemError(errno: EIO, call: "stop", path: "") }
    }

    func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
        if access.creates { try step() }
        return try below.open(name, in: directory, access)
    }

    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        try step()
        return try unsafe below.write(descriptor, bytes, at: offset)
    }

    func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError) {
        try step()
        try below.truncate(descriptor, to: length)
    }

    func sync(_ descriptor: Int32) throws(SystemError) { try step() }
    func sync(_ directory: Directory) throws(SystemError) { try step() }

    func unlink(_ name: String, in directory: Directory, ifItIs identity: FileIdentity?) throws(SystemError) {
        try step()
        try below.unlink(name, in: directory, ifItIs: identity)
    }

    func createDirectory(_ name: String, in directory: Directory) throws(SystemError) -> Directory {
        try step()
        return try below.createDirectory(name, in: directory)
    }

    func removeDirectory(_ name: String, in directory: Directory) throws(SystemError) {
        try step()
        try below.removeDirectory(name, in: directory)
    }

    func rename(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
        try step()
        try below.rename(name, to: newName, in: directory)
    }

    func renameNew(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
        try step()
        try below.renameNew(name, to: newName, in: directory)
    }

    func exchange(_ name: String, _ other: String, in directory: Directory) throws(SystemError) {
        if !exchanges { throw SystemError(errno: ENOTSUP, call: "exchange", path: name) }
        try step()
        try below.exchange(name, other, in: directory)
    }
}
