import Foundation
import Lacuna
import TestSupport
import Testing

/// A directory that can't be written, with the log in each of its three states.
@Suite(.enabled(if: Mounts.areAllowed, "needs the right to mount"), .timeLimit(.minutes(40)))
struct ReadOnlyDirectoryTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 2))
        try store.write { batch in
            for id in Int64(0)..<20 { try batch.put([1, Float(id)], for: id, metadataJSON: "{}") }
        }
        try store.delete(3)
    }

    private func expectReadsAndNoWrites(_ path: String) throws {
        let reader = try VectorStore<Int64>.open(at: path)
        #expect(reader.isReadOnly)
        #expect(try reader.ids() == [0, 1, 2] + Array(4..<20))
        #expect(try reader.vector(for: 19) == [1, 19])
        #expect(try reader.metadataJSON(for: 19) == "{}")
        #expect(try reader.search(for: [0, 1], limit: 1).map(\.id) == [19])
        #expect(try reader.verify().isSound)
        expectError(.readOnly) { try reader.put([1, 2], for: 50) }
        expectError(.readOnly) { try reader.delete(1) }
        expectError(.readOnly) { try reader.compact() }
        let info = try VectorStoreInfo.read(at: path)
        #expect(info.dimension == 2)
        try reader.close()
    }

    @Test func withoutALog() throws {
        try store.close()
        let before = try scratch.contents()
        let mount = scratch.path + "/mount"
        try Mounts.withReadOnly(scratch.store, at: mount) { try expectReadsAndNoWrites(mount) }
        #expect(try scratch.contents() == before)
    }

    @Test func withALogAndItsSharedMemory() throws {
        #expect(exists(scratch.file("index.sqlite-shm")))
        let mount = scratch.path + "/mount"
        try Mounts.withReadOnly(scratch.store, at: mount) {
            try expectReadsAndNoWrites(mount)
            let reader = try VectorStore<Int64>.open(at: mount)
            // The writer goes on through the other path.
            try store.put([5, 5], for: 77)
            let vector = try reader.vector(for: 77)
            #expect(vector == [5, 5])
            try reader.close()
            // While this process has locks on the index, SQLite keeps the reader's files open, and the mount stays in
            // use.
            try store.close()
        }
    }

    /// A writer elsewhere has just opened the store, or emptied its log: the shared memory shows that, the log doesn't.
    @Test func besideAWriterWithAnEmptyLog() throws {
        try store.close()
        let writer = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try sizes(scratch.file("index.sqlite-wal")).length == 0)
        let mount = scratch.path + "/mount"
        try Mounts.withReadOnly(scratch.store, at: mount) {
            let reader = try VectorStore<Int64>.open(at: mount)
            let count = try reader.count
            #expect(count == 19)
            try writer.put([5, 5], for: 77)
            let vector = try reader.vector(for: 77)
            #expect(vector == [5, 5])
            try reader.close()
            try writer.close()
        }
    }

    @Test func withALogAlone() throws {
        let copy = scratch.path + "/copy"
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: true)
        // Another process copies, because this one has the index open.
        for name in ["index.sqlite", "index.sqlite-wal", "vectors-1.f32"] {
            try Program.succeed("cp", scratch.file(name), copy + "/" + name)
        }
        #expect(try sizes(copy + "/index.sqlite-wal").length > 0)
        let mount = scratch.path + "/mount"
        try Mounts.withReadOnly(copy, at: mount) { try expectReadsAndNoWrites(mount) }
        let names = try FileManager.default.contentsOfDirectory(atPath: copy).sorted()
        #expect(names == ["index.sqlite", "index.sqlite-wal", "vectors-1.f32"])
    }

    @Test func creatingThereIsRefused() throws {
        let mount = scratch.path + "-ro"
        try Mounts.withReadOnly(scratch.path, at: mount) {
            expectError(.readOnly) {
                try VectorStore<Int64>.create(at: mount + "/new.lacuna", configuration: .init(dimension: 2))
            }
        }
        try remove(mount)
    }
}
