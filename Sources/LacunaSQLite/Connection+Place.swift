import CLacunaSQLite
package import LacunaPlatform

/// Checks where the database lies, and the files beside it.
extension Connection {
    package static func checkFiles(_ name: String, _ directory: Directory, _ mode: Mode) throws(VectorStoreError) {
        let sharedMemory = name + "-shm"
        for name in [name, name + "-wal", sharedMemory] {
            guard let status = try mapped(directory.regularStatus(name)), status.links > 1 else { continue }
            // Readers write to shared memory too.
            if mode == .readWrite || name == sharedMemory && mode != .immutable {
                throw .hardLinks(directory, name, status.links)
            }
        }
    }

    /// SQLite would play a forged journal back, and unlink the files that it names.
    static func checkHasNoJournal(_ name: String, _ directory: Directory) throws(VectorStoreError) {
        let journal = name + "-journal"
        if try mapped(directory.status(journal)) != nil {
            throw VectorStoreError(
                .damaged,
                "\(directory.path(journal)) is there, and no store has such a file",
                remedy: "if the sqlite3 shell left it, open index.sqlite in that shell once; if not, remove it"
            )
        }
    }

    /// Called if only the path leads to the directory: the database that was opened and is read now must be the one in
    /// that directory. A swap between two of these checks is not noticed.
    package func checkIdentity(_ directory: Directory) throws(VectorStoreError) {
        _ = try? run("PRAGMA schema_version")
        var hasMoved: Int32 = 0
        unsafe sqlite3_file_control(handle, "main", SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        if hasMoved != 0 || !directory.isAtItsPath { throw .moved(directory) }
    }

    /// The URI of the database. Every byte that isn't plain in a URI is percent-encoded (sqlite.org/uri.html).
    static func uri(
        _ name: String,
        _ directory: Directory,
        _ descriptorPath: String?,
        _ mode: Mode,
        mayHaveJournal: Bool
    ) throws(VectorStoreError) -> String {
        // If commits were padded to whole sectors, one would be counted as several.
        var parameters = ["psow=1"]
        if mode == .immutable { parameters.append("immutable=1") }
        if mode == .createAlone { parameters.append("nolock=1") }
        if mode == .joining { parameters += ["readonly_shm=1", "joins=1"] }
        if mayHaveJournal { parameters.append("journal=1") }
        if descriptorPath == nil { parameters.append("directory=\(directory.descriptor)") }
        let path = if let descriptorPath { descriptorPath } else { try mapped(directory.realPath()) }
        return "file://" + encoded(path + "/" + name) + "?" + parameters.joined(separator: "&")
    }

    private static func encoded(_ path: String) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var bytes: [UInt8] = []
        for byte in path.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "-")...UInt8(ascii: "9"), UInt8(ascii: "_"):
                bytes.append(byte)
            default: bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
