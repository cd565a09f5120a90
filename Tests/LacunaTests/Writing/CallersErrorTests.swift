// The bug story: a batch's closure wrote to another store, on a disk that had failed, and passed that error on. The handle
// took it for one of its own, and refused to write until it was opened again.

import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// An error that a caller's closure throws is no error of the store's, whatever it says.
@Suite struct CallersErrorTests {
    private static let foreign = VectorStoreError(.ioError, "another store's disk")
    private static let row: [Float] = [1, 2, 3, 4]

    private struct Unencodable: Encodable {
        func encode(to encoder: any Encoder) throws { throw foreign }
    }

    private struct Replaced: Error {}

    private static let durabilities: [Durability] = [.full, .relaxed(interval: .seconds(3_600))]

    private func makeStore(_ scratch: Scratch, _ durability: Durability) throws -> VectorStore<Int64> {
        try .create(
            at: scratch.store,
            configuration: .init(dimension: 4, metric: .dot),
            options: .init(durability: durability)
        )
    }

    @Test(arguments: durabilities) func aBatchesOwnErrorLeavesTheHandleUsable(_ durability: Durability) throws {
        let scratch = try Scratch()
        let store = try makeStore(scratch, durability)
        try store.put(Self.row, for: 1)
        let error = expectError(.ioError) {
            try store.write { batch in
                try batch.put(Self.row, for: 2)
                throw Self.foreign
            }
        }
        #expect(error?.problem == Self.foreign.problem)
        try store.put(Self.row, for: 3)
        try store.flush()
        #expect(try store.ids() == [1, 3])
    }

    @Test(arguments: durabilities) func metadataThatCantBeEncodedLeaveTheHandleUsable(_ durability: Durability) throws {
        let scratch = try Scratch()
        let store = try makeStore(scratch, durability)
        #expect(throws: (any Error).self) {
            try store.write { try $0.put(Self.row, for: 1, metadata: Unencodable()) }
        }
        #expect(throws: (any Error).self) { try store.put(Self.row, for: 1, metadata: Unencodable()) }
        try store.put(Self.row, for: 2)
        try store.flush()
        #expect(try store.ids() == [2])
    }

    @Test func aReadsOwnErrorLeavesTheHandleUsable() throws {
        let scratch = try Scratch()
        let store = try makeStore(scratch, .full)
        expectError(.ioError) { try store.read { _ in throw Self.foreign } }
        try store.put(Self.row, for: 1)
        expectError(.ioError) { try store.withVector(for: 1) { _ in throw Self.foreign } }
        try store.put(Self.row, for: 2)
        #expect(try store.ids() == [1, 2])
    }

    /// The store's own I/O error counts, whatever the closure throws in its place.
    @Test func anIOErrorThatTheClosureReplacesFailsTheHandle() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let dimension = 1_024
                let (store, _) = try Scenario.prepare(disk, dimension: dimension)
                disk.inject(DiskFault(errno: EIO, matches: { $0.kind == .write && $0.isOnDataFile }))
                expectError(.ioError) {
                    try store.write { batch in
                        do {
                            for id in Int64(1_000)..<2_100 {
                                try batch.put(CrashModel.vector(id, version: 1, dimension: dimension), for: id)
                            }
                        } catch { throw Replaced() }
                    }
                }
                expectError(.needsReopen) { try store.delete([1]) }
            }
        }
    }
}
