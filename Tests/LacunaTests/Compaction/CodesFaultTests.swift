import Foundation
import TestSupport
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A disk that is full, or fails, while codes are made: nothing is lost, and nothing is left over.
@Suite(.timeLimit(.minutes(40))) struct CodesFaultTests {
    private static let query = [Float](repeating: 0.25, count: 32)

    /// Calls `body` with a store of 600 rows, and with the answer to the query.
    private func withStore(_ body: (TestDisk, VectorStore<Int64>, [Match<Int64>]) throws -> Void) throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: .init(dimension: 32),
                    fileSystem: disk.fileSystem
                )
                try put(0..<600, in: store)
                try body(disk, store, try store.search(for: Self.query, limit: 5))
            }
        }
    }

    private func put(_ ids: Range<Int64>, in store: VectorStore<Int64>) throws {
        var random = SplitMix64(seed: UInt64(ids.lowerBound) + 61)
        try store.write { batch in for id in ids { try batch.put(random.floats(32), for: id) } }
    }

    private func files(_ disk: TestDisk) throws -> [String: Int64] {
        let names = try Directory.names(disk.directory).filter { $0.hasSuffix(".codes") }
        return try Dictionary(
            uniqueKeysWithValues: names.map { ($0, try Directory.status(disk.directory + "/" + $0)?.size ?? -1) }
        )
    }

    /// The faults of one kind: the operation on the file of codes that fails, by its number.
    private static let faults: [(errno: Int32, kind: DiskOperation.Kind, VectorStoreError.Code)] = [
        (ENOSPC, .create, .diskFull), (ENOSPC, .write, .diskFull), (EIO, .write, .ioError), (EIO, .sync, .ioError),
        (ENOSPC, .sync, .diskFull),
    ]

    /// Makes codes with a fault in the first operation of the kind, in the second, and so on, until none fails. Each time
    /// the store must be as it was before.
    private func failEach(
        _ fault: (errno: Int32, kind: DiskOperation.Kind, VectorStoreError.Code),
        _ disk: TestDisk,
        _ store: VectorStore<Int64>,
        _ answer: [Match<Int64>]
    ) throws {
        let before = try files(disk)
        for number in 0..<20 {
            let failures = disk.failures
            disk.inject(
                DiskFault(
                    errno: fault.errno,
                    skipping: number,
                    matches: { $0.kind == fault.kind && $0.name.hasSuffix(".codes") }
                )
            )
            defer { disk.inject(nil) }
            do { try store.accelerate() } catch let error as VectorStoreError {
                #expect(error.code == fault.2, "\(error)")
                #expect(try files(disk) == before)
                #expect(try store.search(for: Self.query, limit: 5) == answer)
                continue
            }
            #expect(disk.failures == failures)
            #expect(number > 0 || fault.kind == .create && !before.isEmpty)
            return
        }
        Issue.record("the operations never end")
    }

    @Test("nothing is left of a file that can't be made", arguments: faults.indices)
    func making(_ fault: Int) throws {
        try withStore { disk, store, answer in
            try failEach(Self.faults[fault], disk, store, answer)
            #expect(try store.space.codedSlots == 512)
            #expect(try store.search(for: Self.query, limit: 5) == answer)
            try store.put(Self.query, for: 9_999)
            #expect(try store.verify().isSound)
        }
    }

    @Test("codes that there were stay if new ones can't be added", arguments: faults.indices)
    func adding(_ fault: Int) throws {
        try withStore { disk, store, _ in
            try store.accelerate()
            try put(1_000..<1_400, in: store)
            let answer = try store.search(for: Self.query, limit: 5)
            try failEach(Self.faults[fault], disk, store, answer)
            #expect(try store.space.codedSlots == 768)
            #expect(try store.search(for: Self.query, limit: 5) == answer)
            try store.put(Self.query, for: 9_999)
            #expect(try store.verify().isSound)
        }
    }

    /// The file is whole, and the commit that would let searches use it finds no room, even after half of the data
    /// file's tail was given back.
    @Test func theCommitFindsNoRoom() throws {
        try withStore { disk, store, answer in
            let isWritten = Guarded(false)
            disk.inject(
                DiskFault(errno: ENOSPC, times: 1_000) { operation in
                    if operation.kind == .sync && operation.name.hasSuffix(".codes") {
                        isWritten.withLock { $0 = true }
                    }
                    return operation.kind == .write && operation.isOnLog && isWritten.withLock { $0 }
                }
            )
            expectError(.diskFull) { try store.accelerate() }
            disk.inject(nil)
            let left = try files(disk)
            #expect(left.isEmpty)
            #expect(try store.search(for: Self.query, limit: 5) == answer)
            #expect(try store.accelerate().rows == 512)
            #expect(try store.search(for: Self.query, limit: 5) == answer)
        }
    }

    @Test("a compaction succeeds without the codes that can't be made", arguments: [ENOSPC, EIO])
    func compacting(_ errno: Int32) throws {
        try withStore { disk, store, _ in
            try store.accelerate()
            try store.delete(Array(0..<200))
            let answer = try store.search(for: Self.query, limit: 5)
            disk.inject(
                DiskFault(errno: errno, times: 1_000, matches: { $0.kind == .write && $0.name.hasSuffix(".codes") })
            )
            let report = try store.compact(.rewrite)
            disk.inject(nil)
            #expect(report.strategy == .rewrite && report.liveRows == 400 && report.acceleration == nil)
            #expect(report.accelerationError?.code == (errno == ENOSPC ? .diskFull : .ioError))
            #expect(try files(disk).isEmpty)
            #expect(try store.info.acceleration == .codes)
            #expect(try store.search(for: Self.query, limit: 5) == answer)
            let second = try store.compact()
            #expect(second.strategy == nil && second.acceleration?.rows == 256)
            #expect(try store.search(for: Self.query, limit: 5) == answer)
        }
    }

    @Test("whoever stops a compaction while it makes codes gets their own error, and a compacted store")
    func stopping() throws {
        struct Stop: Error {}
        try withStore { disk, store, _ in
            try store.accelerate()
            try store.delete(Array(0..<200))
            // The rewrite has 400 rows, and codes are made of 256.
            #expect(throws: Stop.self) {
                try store.compact(.rewrite) { progress in if progress.total == 256 { throw Stop() } }
            }
            #expect(try store.info.generation == 2 && store.space.codedSlots == 0)
            #expect(try files(disk).isEmpty)
            #expect(try store.compact().acceleration?.rows == 256)
        }
    }
}
