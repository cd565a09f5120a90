/// A file system over the operating system's, which passes on the operations that it doesn't implement itself.
package protocol FileSystemLayer: FileSystem {}

extension FileSystemLayer {
    package var below: SystemFileSystem { SystemFileSystem() }

    package func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
        try below.open(name, in: directory, access)
    }

    package func close(_ descriptor: Int32) { below.close(descriptor) }

    package func read(
        _ descriptor: Int32,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        try unsafe below.read(descriptor, into: buffer, at: offset)
    }

    package func write(
        _ descriptor: Int32,
        _ bytes: UnsafeRawBufferPointer,
        at offset: Int64
    ) throws(SystemError) -> Int {
        try unsafe below.write(descriptor, bytes, at: offset)
    }

    package func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try below.allocate(descriptor, offset: offset, length: length)
    }

    package func truncate(_ descriptor: Int32, to length: Int64) throws(SystemError) {
        try below.truncate(descriptor, to: length)
    }

    package func punchHole(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try below.punchHole(descriptor, offset: offset, length: length)
    }

    package func beginWriteback(_ descriptor: Int32, offset: Int64, length: Int64) {
        below.beginWriteback(descriptor, offset: offset, length: length)
    }

    package func finishWriteback(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try below.finishWriteback(descriptor, offset: offset, length: length)
    }

    package func sync(_ descriptor: Int32) throws(SystemError) { try below.sync(descriptor) }
    package func sync(_ directory: Directory) throws(SystemError) { try below.sync(directory) }
    package func unlink(
        _ name: String,
        in directory: Directory,
        ifItIs identity: FileIdentity?
    ) throws(SystemError) {
        try below.unlink(name, in: directory, ifItIs: identity)
    }
    package func createDirectory(_ name: String, in directory: Directory) throws(SystemError) -> Directory {
        try below.createDirectory(name, in: directory)
    }
    package func removeDirectory(_ name: String, in directory: Directory) throws(SystemError) {
        try below.removeDirectory(name, in: directory)
    }
    package func rename(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
        try below.rename(name, to: newName, in: directory)
    }
    package func renameNew(_ name: String, to newName: String, in directory: Directory) throws(SystemError) {
        try below.renameNew(name, to: newName, in: directory)
    }
    package func exchange(_ name: String, _ other: String, in directory: Directory) throws(SystemError) {
        try below.exchange(name, other, in: directory)
    }
    package func clone(_ source: Int32, to descriptor: Int32) throws(SystemError) {
        try below.clone(source, to: descriptor)
    }
}
