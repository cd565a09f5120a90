import Foundation
import Testing

@testable import Lacuna

/// A data file becomes shorter while a store is open: by a commit that needs less of it, or by another program.
@Suite(.timeLimit(.minutes(40))) struct ShortFileTests {
    let scratch: Scratch

    /// A closed store with ten rows of 16 bytes; row 6 begins at 4,192.
    init() throws {
        scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 4))
        try store.write { batch in for id in Int64(0)..<10 { try batch.put([1, 2, 3, Float(id)], for: id) } }
        try store.close()
    }

    private func cut(_ length: UInt64) throws {
        try edit(scratch.file("vectors-1.f32")) { try $0.truncate(atOffset: length) }
    }

    /// Opens the store for reading, and calls `change` after the first snapshot has begun and before it checks the data
    /// file.
    private func open(changing change: @escaping @Sendable () throws -> Void) throws -> VectorStore<Int64> {
        let openings = Guarded(0)
        let fileSystem = HookedFileSystem { path in
            guard path.hasSuffix("vectors-1.f32"),
                openings.withLock({
                    $0 += 1; return $0 == 1
                })
            else { return }
            do { try change() } catch { Issue.record("\(error)") }
        }
        return try VectorStore<Int64>.open(at: scratch.store, access: .readOnly, fileSystem: fileSystem)
    }

    /// This is no damage: the snapshot was too old.
    @Test func aSnapshotFromBeforeTheCutIsTakenAnew() throws {
        let store = try open { [self] in
            try tamper(
                scratch.index,
                "DELETE FROM vectors WHERE id >= 6",
                "UPDATE store SET next_slot = 6, live_rows = 6, commit_sequence = commit_sequence + 1"
            )
            try cut(4_192)
        }
        #expect(try store.ids() == Array(0..<6))
        #expect(try store.verify().isSound)
    }

    @Test func aCutThatNoCommitStandsForIsDamage() throws {
        let error = expectError(.damaged) { try open { [self] in try cut(4_200) } }
        #expect(error?.ids == ["6", "7", "8", "9"])
    }

    /// There is a commit, but the file is too short for its state as well.
    @Test func aCutBeyondTheCommitIsDamage() throws {
        let error = expectError(.damaged) {
            try open { [self] in
                try tamper(
                    scratch.index,
                    "DELETE FROM vectors WHERE id >= 8",
                    "UPDATE store SET next_slot = 8, live_rows = 8, commit_sequence = commit_sequence + 1"
                )
                try cut(4_192)
            }
        }
        #expect(error?.ids == ["6", "7"])
    }

    /// The next snapshot checks the length again.
    @Test(arguments: [VectorStoreAccess.readWrite, .readOnly])
    func everySnapshotLooksAtTheLength(_ access: VectorStoreAccess) throws {
        let store = try VectorStore<Int64>.open(at: scratch.store, access: access)
        #expect(try store.vector(for: 9) == [1, 2, 3, 9])
        try cut(4_240)
        #expect(expectError(.damaged) { try store.vector(for: 9) }?.ids == ["9"])
        #expect(expectError(.damaged) { try store.count }?.ids == ["9"])
        try cut(4_256)
        #expect(try store.vector(for: 8) == [1, 2, 3, 8])
        #expect(try store.verify().badChecksums == [9])
    }
}
