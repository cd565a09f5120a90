// The bug story: a store's files were checked by name once, when it was opened. Somebody put a backup's files over them
// while a handle was open, and later writes were acknowledged but went to files that nobody could find any more.

import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// A handle whose files were replaced or removed says so, and leaves the new files alone.
@Suite(.timeLimit(.minutes(40))) struct StorePlaceTests {
    let scratch: Scratch
    let store: VectorStore<Int64>
    static let names = ["index.sqlite", "index.sqlite-wal", "index.sqlite-shm", "writer.lock", "vectors-1.f32"]

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 2))
        try store.put([1, 2], for: 1)
        try store.put([1, 3], for: 2)
        try store.delete(2)
    }

    private func expectMoved(_ words: String) {
        for call in [
            { try store.put([1, 2], for: 9) }, { _ = try store.delete(1) }, { _ = try store.compact(.rewrite) },
            { _ = try store.compact(.inPlace) }, { _ = try store.compact(.punch) }, { _ = try store.erase([1]) },
        ] as [() throws -> Void] {
            let error = expectError(.moved) { try call() }
            #expect(error?.problem.contains(words) == true, "\(String(describing: error))")
        }
    }

    /// The old file keeps another name, so it still counts as present.
    @Test(arguments: names) func aFileThatWasReplaced(_ name: String) throws {
        let (old, new) = (scratch.file("kept"), scratch.path + "/new")
        // Another process copies, because closing a descriptor of this one would drop SQLite's locks.
        try Program.succeed("cp", scratch.file(name), new)
        let bytes = try read(new)
        try Program.succeed("mv", scratch.file(name), old)
        try Program.succeed("mv", new, scratch.file(name))
        expectMoved(name)
        try store.close()
        #expect(try read(scratch.file(name)) == bytes)
        #expect(exists(old))
    }

    @Test(arguments: names) func aFileThatWasRemoved(_ name: String) throws {
        try remove(scratch.file(name))
        expectMoved(name)
        try store.close()
        #expect(!exists(scratch.file(name)))
    }

    /// People copy a backup over the store beside an idle handle: the backup's log must stay.
    @Test func aBackupsLogOutlivesTheHandle() throws {
        let backup = scratch.path + "/backup"
        try Program.succeed("cp", "-r", scratch.store, backup)
        try store.put([7, 7], for: 7)
        try Program.succeed("sh", "-c", "mv \(backup)/* \(scratch.store)/")
        let log = try sizes(scratch.file("index.sqlite-wal")).length
        #expect(log > 0)
        try store.close()
        #expect(try sizes(scratch.file("index.sqlite-wal")).length == log)
    }

    @Test func aDirectoryThatWasRenamedKeepsItsStore() throws {
        #expect(try store.count == 1)
        let moved = scratch.path + "/moved"
        try FileManager.default.moveItem(atPath: scratch.store, toPath: moved)
        expectMoved(scratch.store)
        #expect(try store.vector(for: 1) == [1, 2])
        try store.close()
        #expect(!exists(scratch.store))
        #expect(try FileManager.default.contentsOfDirectory(atPath: moved).contains("index.sqlite-wal") == false)
        let again = try VectorStore<Int64>.open(at: moved)
        #expect(try again.verify().isSound)
        try again.close()
    }

    /// A handle that was refused only because its store had moved goes on once the store is back at its path.
    @Test func aDirectoryThatComesBack() throws {
        let moved = scratch.path + "/moved"
        try FileManager.default.moveItem(atPath: scratch.store, toPath: moved)
        expectError(.moved) { try store.put([1, 2], for: 9) }
        try FileManager.default.moveItem(atPath: moved, toPath: scratch.store)
        try store.put([1, 2], for: 9)
        #expect(try store.ids() == [1, 9])
        try store.close()
    }

    @Test func aRemovedDirectory() throws {
        try remove(scratch.store)
        expectMoved(scratch.store)
        try store.close()
        #expect(!exists(scratch.store))
    }

    /// The gathered writes can't be kept, and the error says so.
    @Test func relaxedWritesOfAStoreThatWasMoved() throws {
        try store.close()
        let relaxed = try VectorStore<Int64>.open(
            at: scratch.store,
            options: .init(durability: .relaxed(interval: .seconds(3_600)))
        )
        try relaxed.put([4, 4], for: 4)
        try FileManager.default.moveItem(atPath: scratch.store, toPath: scratch.path + "/moved")
        expectError(.moved) { try relaxed.flush() }
        try relaxed.close()
    }

    @Test func aReaderIsToldAtTheNextCommit() throws {
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let moved = scratch.path + "/moved"
        try FileManager.default.moveItem(atPath: scratch.store, toPath: moved)
        try store.close()
        // Nothing has changed in the store that the reader has open.
        #expect(try reader.vector(for: 1) == [1, 2])
        let writer = try VectorStore<Int64>.open(at: moved)
        try writer.put([5, 5], for: 5)
        expectError(.moved) { try reader.vector(for: 5) }
        try reader.close()
        try writer.close()
    }

    /// From the commit on, the target would have been the only copy: the old data file was removed, and nothing was
    /// left.
    @Test(arguments: [false, true]) func aRewritesTargetThatIsRemovedOrReplaced(_ isReplaced: Bool) throws {
        try store.write { batch in for id in Int64(10)..<3_000 { try batch.put([Float(id), 1], for: id) } }
        try store.delete((10..<20).map { $0 })
        let target = scratch.file("vectors-2.f32")
        let error = expectError(.moved) {
            try store.compact(.rewrite) { _ in
                guard exists(target) else { return }
                try remove(target)
                if isReplaced { try write(Data("another".utf8), to: target) }
            }
        }
        #expect(error?.problem.contains("vectors-2.f32") == true)
        #expect(try store.count == 2_981)
        try store.put([1, 2], for: 5)
        try store.close()
        let again = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try again.count == 2_982)
        #expect(try again.verify().isSound)
        #expect(try again.compact(.rewrite).liveRows == 2_982)
        if isReplaced { #expect(try read(target) == Data("another".utf8)) }
        try again.close()
    }

    // MARK: Hard links

    @Test func hardLinksAreReadAndNotWritten() throws {
        try store.close()
        let copy = scratch.path + "/copy"
        try Program.succeed("cp", "-al", scratch.store, copy)
        let before = try scratch.contents()
        for path in [copy, scratch.store] {
            let error = expectError(.readOnly) { try VectorStore<Int64>.open(at: path) }
            #expect(error?.remedy.description.contains("`cp -a`") == true)
            expectError(.readOnly) { try VectorStoreRecovery.recover(at: path) }
            let reader = try VectorStore<Int64>.open(at: path, access: .readOnly)
            #expect(try reader.ids() == [1])
            #expect(try reader.verify().isSound)
            try reader.close()
        }
        for (name, bytes) in before { #expect(try read(scratch.file(name)) == bytes, "\(name)") }
    }

    @Test(arguments: names) func aHardLinkThatIsMadeLater(_ name: String) throws {
        try Program.succeed("ln", scratch.file(name), scratch.path + "/second")
        let error = expectError(.readOnly) { try store.put([1, 2], for: 9) }
        #expect(error?.problem.contains(name) == true && error?.remedy.description.contains("`cp -a`") == true)
        try remove(scratch.path + "/second")
        try store.put([1, 2], for: 9)
        try store.close()
    }

    /// Shared memory is written by readers too.
    @Test func sharedMemoryUnderAnotherName() throws {
        try store.close()
        let victim = scratch.path + "/victim"
        try write(Data(repeating: 7, count: 40_000), to: victim)
        try Program.succeed("ln", victim, scratch.file("index.sqlite-shm"))
        expectError(.readOnly) { try VectorStore<Int64>.open(at: scratch.store, access: .readOnly) }
        expectError(.readOnly) { try VectorStore<Int64>.open(at: scratch.store) }
        #expect(try read(victim) == Data(repeating: 7, count: 40_000))
    }
}
