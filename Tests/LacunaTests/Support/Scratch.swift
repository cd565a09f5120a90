import Foundation
import Lacuna
import TestSupport

/// A directory of its own for one test, deleted with the last reference.
final class Scratch: Sendable {
    private let directory: TemporaryDirectory
    var path: String { directory.path }
    /// The path for the test's store.
    var store: String { path + "/test.lacuna" }
    var index: String { store + "/index.sqlite" }

    init() throws { directory = try TemporaryDirectory() }

    func file(_ name: String) -> String { store + "/" + name }

    /// The names and bytes of the store's files without lock files, to compare them before and after a call. Use it
    /// only while the store is closed: closing a descriptor of the index would drop the process's locks on it.
    func contents() throws -> [String: Data] {
        var contents: [String: Data] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: store) where !name.hasSuffix(".lock") {
            contents[name] = try read(file(name))
        }
        return contents
    }

    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: store).sorted() }
}

func read(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

func write(_ bytes: Data, to path: String) throws { try bytes.write(to: URL(fileURLWithPath: path)) }

func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

func remove(_ path: String) throws { try FileManager.default.removeItem(atPath: path) }

func copyItem(_ from: String, to path: String) throws { try FileManager.default.copyItem(atPath: from, toPath: path) }

/// Changes a file in its place.
func edit(_ path: String, _ change: (FileHandle) throws -> Void) throws {
    guard let handle = FileHandle(forUpdatingAtPath: path) else { throw CocoaError(.fileNoSuchFile) }
    try change(handle)
    try handle.close()
}

/// The file's length and the blocks that it occupies, in bytes, as the file system counts them.
func sizes(_ path: String) throws -> (length: Int64, allocated: Int64) {
    guard let status = try Directory.status(path) else { throw CocoaError(.fileNoSuchFile) }
    return (status.size, status.allocated)
}
