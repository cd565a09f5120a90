/// Writes a file of codes: the header and the coder first, then tiles.
final class CodesWriter {
    let name: String
    private let nonce: Int64
    private let layout: CodesLayout
    private let directory: Directory
    private let fileSystem: any FileSystem
    private let descriptor: Int32

    private init(
        _ name: String,
        nonce: Int64,
        _ coder: Coder,
        in directory: Directory,
        _ access: FileAccess,
        _ fileSystem: any FileSystem
    ) throws(VectorStoreError) {
        self.name = name
        self.nonce = nonce
        self.directory = directory
        self.fileSystem = fileSystem
        layout = CodesLayout(coder)
        descriptor = try mapped(fileSystem.open(name, in: directory, access))
    }

    /// Opens a file of codes to add tiles.
    static func open(
        _ name: String,
        nonce: Int64,
        _ coder: Coder,
        in directory: Directory,
        _ fileSystem: any FileSystem
    ) throws(VectorStoreError) -> CodesWriter {
        try CodesWriter(name, nonce: nonce, coder, in: directory, .readWrite, fileSystem)
    }

    /// Makes the file, or nothing. Nothing of it is durable before ``sync()``.
    ///
    /// - Parameter model: The file whose mode and owner the new file gets.
    static func create(
        _ name: String,
        nonce: Int64,
        _ coder: Coder,
        _ rows: DataFileHeader,
        in directory: Directory,
        like model: FileStatus,
        _ fileSystem: any FileSystem
    ) throws(VectorStoreError) -> CodesWriter {
        let file = try CodesWriter(name, nonce: nonce, coder, in: directory, .createNew(like: model), fileSystem)
        do throws(VectorStoreError) {
            let header = CodesHeader(rows, nonce: nonce, coder)
            try unsafe header.encoded.span.withUnsafeBytes { bytes throws(VectorStoreError) in
                try unsafe file.write(bytes, at: 0)
            }
            try unsafe file.write(UnsafeRawBufferPointer(coder.floats), at: CodesHeader.length)
        } catch {
            file.unlink()
            throw error
        }
        return file
    }

    deinit { fileSystem.close(descriptor) }

    /// Writes a tile with its checksum, for which `bytes` has room at its end.
    func write(_ bytes: inout [UInt8], asTile tile: Int) throws(VectorStoreError) {
        let checksum = unsafe bytes.withUnsafeBytes { bytes in
            let codes = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<layout.codesBytes])
            return unsafe CodesLayout.checksum(codes, ofTile: tile, nonce: nonce)
        }
        DataFileHeader.put(checksum, at: layout.checksumAt, in: &bytes)
        try unsafe bytes.span.withUnsafeBytes { bytes throws(VectorStoreError) in
            try unsafe write(bytes, at: layout.offset(ofTile: tile))
        }
    }

    /// Makes the file and its name durable. Without that, a power cut could leave tiles that don't match their
    /// checksums, and all would be made anew.
    func sync() throws(VectorStoreError) {
        do {
            try fileSystem.sync(descriptor)
            try fileSystem.sync(directory)
        } catch { throw VectorStoreError(error.on(directory.path(name))) }
    }

    /// Cuts off all tiles of slots from `covered` on, after an error.
    func cut(to covered: Slot) { try? fileSystem.truncate(descriptor, to: Int64(layout.length(covering: covered))) }

    func unlink() {
        guard let identity = try? FileStatus.of(descriptor).identity else { return }
        try? fileSystem.unlink(name, in: directory, ifItIs: identity)
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(VectorStoreError) {
        do { try unsafe fileSystem.writeAll(descriptor, bytes, at: Int64(offset)) } catch {
            throw VectorStoreError(error.on(directory.path(name)))
        }
    }
}
