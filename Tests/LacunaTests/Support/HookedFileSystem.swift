import Lacuna

/// The system's file system, which calls `beforeOpening` with each path before it opens it.
struct HookedFileSystem: FileSystem {
    let beforeOpening: @Sendable (String) -> Void
    private let system = SystemFileSystem()

    init(beforeOpening: @escaping @Sendable (String) -> Void) { self.beforeOpening = beforeOpening }

    func open(_ path: String, _ access: FileAccess) throws(SystemError) -> Int32 {
        beforeOpening(path)
        return try system.open(path, access)
    }

    func close(_ descriptor: Int32) { system.close(descriptor) }

    func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        try unsafe system.read(descriptor, into: buffer, at: offset)
    }

    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        try unsafe system.write(descriptor, bytes, at: offset)
    }

    func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try system.allocate(descriptor, offset: offset, length: length)
    }

    func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError) {
        try system.truncate(descriptor, to: length)
    }

    func punchHole(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try system.punchHole(descriptor, offset: offset, length: length)
    }

    func sync(_ descriptor: Int32) throws(SystemError) { try system.sync(descriptor) }
    func syncDirectory(_ path: String) throws(SystemError) { try system.syncDirectory(path) }
    func unlink(_ path: String) throws(SystemError) { try system.unlink(path) }
}
