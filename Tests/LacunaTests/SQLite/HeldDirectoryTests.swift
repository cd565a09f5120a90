// The bug story: SQLite opens a database's log and shared memory by path, at the first read, and unlinks them by path when the last
// connection closes. By then another store was at that path.

import CLacunaSQLite
import Foundation
import TestSupport
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// SQLite works only in the directory that a handle has open.
@Suite(.timeLimit(.minutes(40))) struct HeldDirectoryTests {
    let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func make(_ path: String, _ id: Int64) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 2))
        try store.put([1, Float(id)], for: id)
        return store
    }

    /// SQLite's own limit for paths is 512 bytes, and the system's is 4,096.
    @Test func longPaths() throws {
        var path = scratch.path
        while path.utf8.count < 3_000 {
            path += "/" + String(repeating: "long", count: 40)
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        let store = try make(path + "/s", 1)
        try store.compact(.rewrite)
        try store.erase([1])
        try store.put([2, 2], for: 2)
        try store.close()
        #expect(try VectorStoreRecovery.recover(at: path + "/s").state == .clean)
        let reader = try VectorStore<Int64>.open(at: path + "/s", access: .readOnly)
        #expect(try reader.ids() == [2])
        #expect(try reader.verify().isSound)
        try reader.close()
    }

    /// The directory is swapped between the opening of a connection and its first read, which opens the log and the
    /// shared memory.
    @Test func aDirectoryThatIsSwappedBeforeTheFirstRead() throws {
        let (path, other, moved) = (scratch.path + "/s", scratch.path + "/o", scratch.path + "/m")
        try make(path, 1).close()
        try make(other, 2).close()
        let directory = try Directory(path)
        let connection = try Connection("index.sqlite", in: directory, .readWrite)
        try FileManager.default.moveItem(atPath: path, toPath: moved)
        try FileManager.default.moveItem(atPath: other, toPath: path)
        let before = try FileManager.default.contentsOfDirectory(atPath: path).sorted()
        #expect(try connection.value("SELECT id FROM vectors") == .integer(1))
        try connection.run("UPDATE store SET reader_epoch = 7")
        #expect(exists(moved + "/index.sqlite-wal") && exists(moved + "/index.sqlite-shm"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == before)
        #expect(try rawConnection(path + "/index.sqlite").value("SELECT reader_epoch FROM store") == .integer(0))
    }

    /// SQLite names shared memory by the path of the connection that opened it first, and unlinks that path when the
    /// last connection closes. By then the descriptor in that path must not be another directory's.
    @Test func descriptorsAreNotReusedBeneathSharedMemory() throws {
        let (path, link) = (scratch.path + "/s", scratch.path + "/link")
        try make(path, 1).close()
        try #require(unsafe symlink("s", link) == 0)
        let first = try VectorStore<Int64>.open(at: link, access: .readOnly)
        #expect(try first.count == 1)
        let second = try VectorStore<Int64>.open(at: path)
        try second.put([1, 2], for: 2)
        try first.close()
        // The directories of other stores, which have shared memory of their own, take all free descriptor numbers.
        let others = try (0..<40).map { try make(scratch.path + "/o\($0)", Int64($0)) }
        try second.close()
        #expect(!exists(path + "/index.sqlite-shm"))
        for (number, other) in others.enumerated() {
            #expect(exists(scratch.path + "/o\(number)/index.sqlite-shm"))
            #expect(exists(scratch.path + "/o\(number)/index.sqlite-wal"))
            // A second connection to the other store finds the same shared memory.
            #expect(try VectorStore<Int64>.open(at: scratch.path + "/o\(number)", access: .readOnly).count == 1)
            try other.close()
        }
    }

    /// Our VFS lies over the VFS that is the default when a store is opened, and is never the default itself.
    @Test func aDefaultThatComesLater() throws {
        let path = scratch.path + "/s"
        try make(path, 1).close()
        // The tests' own VFS is the default first, and from this test's end on.
        try TestDisk.with(scratch.path + "/none") { _ in
            guard let before = unsafe sqlite3_vfs_find(nil) else { return }
            // This memory is never freed, because other tests may have opened files with the VFS.
            let later = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
            unsafe later.initialize(to: before.pointee)
            unsafe later.pointee.zName = UnsafePointer(strdup("later \(scratch.path)"))
            unsafe later.pointee.pNext = nil
            let old = try VectorStore<Int64>.open(at: path, access: .readOnly)
            #expect(try old.count == 1)
            let code = unsafe sqlite3_vfs_register(later, 1)
            #expect(code == SQLITE_OK)
            defer { _ = unsafe sqlite3_vfs_register(before, 1) }
            let new = try VectorStore<Int64>.open(at: path)
            try new.put([2, 2], for: 2)
            #expect(try old.count == 2)
            try new.close()
            try old.close()
            let isDefault = unsafe sqlite3_vfs_find(nil) == later
            let isCovered = unsafe sqlite3_vfs_find("lacuna over later \(scratch.path)") != nil
            #expect(isDefault && isCovered)
        }
    }
}
