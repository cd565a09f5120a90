// The bug story: a process opened a store for reading, looked at one row, and waited. For as long as that process
// lived, each replaced data file stayed on the disk after a compaction, with the rows that had been erased.

import Foundation
import Testing

@testable import Lacuna

/// A handle that nobody reads with keeps no replaced file.
@Suite final class IdleHandleTests {
    private let scratch: Scratch
    private let clock = ManualClock()

    init() throws { scratch = try Scratch() }

    /// An alarm that never goes off would keep its clock, and the clock keeps the alarm.
    deinit { clock.forget() }

    private func makeStore() throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 4, metric: .dot))
        try store.write { batch in for id in Int64(1)...100 { try batch.put([Float(id), 1, 2, 3], for: id) } }
        try store.delete((1...50).map { $0 })
        return store
    }

    private func openReader() throws -> VectorStore<Int64> {
        var options = VectorStoreOptions()
        options.clock = clock
        return try .open(at: scratch.store, access: .readOnly, options: options)
    }

    /// Counts the data files of the store, or its files of codes, that this process has mapped: those with a name, or
    /// those without.
    private func mappedFiles(_ name: String = "vectors-", replaced: Bool) throws -> Int {
        let maps = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/proc/self/maps")).readToEnd() ?? Data()
        return String(decoding: maps, as: UTF8.self).split(separator: "\n")
            .count { $0.contains(scratch.store + "/" + name) && $0.hasSuffix(" (deleted)") == replaced }
    }

    @Test(.enabled(if: exists("/proc/self/maps"))) func aReaderLetsAReplacedFileGo() throws {
        let store = try makeStore()
        let reader = try openReader()
        #expect(try reader.vector(for: 60) == [60, 1, 2, 3])
        try store.compact(.rewrite)
        #expect(try mappedFiles(replaced: true) == 1)
        clock.advance(by: .seconds(1))
        #expect(try mappedFiles(replaced: true) == 0)
        #expect(try reader.vector(for: 60) == [60, 1, 2, 3])
        try reader.close()
    }

    @Test func aSnapshotKeepsItsFile() throws {
        let store = try makeStore()
        let reader = try openReader()
        let pinned = try reader.read { snapshot in
            try store.compact(.rewrite)
            clock.advance(by: .seconds(100))
            return try snapshot.vector(for: 60)
        }
        #expect(pinned == [60, 1, 2, 3])
        #expect(try reader.ids().count == 50)
        try reader.close()
    }

    /// The handle checks once per second for a minute after the last read, and then no more.
    @Test(.enabled(if: exists("/proc/self/maps"))) func whatIsNotReadForAMinuteIsLetGo() throws {
        try makeStore().close()
        let reader = try openReader()
        for _ in 0..<10 {
            clock.advance(by: .seconds(30))
            #expect(try mappedFiles(replaced: false) == 1)
            #expect(try reader.vector(for: 60) == [60, 1, 2, 3])
            #expect(clock.alarms == 1)
        }
        clock.advance(by: .seconds(62))
        #expect(try mappedFiles(replaced: false) == 0)
        #expect(clock.alarms == 0)
        #expect(try reader.vector(for: 60) == [60, 1, 2, 3])
        #expect(try mappedFiles(replaced: false) == 1)
        #expect(clock.alarms == 1)
        try reader.close()
        clock.advance(by: .seconds(1))
        #expect(clock.alarms == 0)
    }

    /// The writing handle knows of the rewrite.
    @Test(.enabled(if: exists("/proc/self/maps"))) func theWritingHandleLetsAReplacedFileGoAtOnce() throws {
        let store = try makeStore()
        for _ in 0..<10 { for id in Int64(51)...100 { _ = try store.vector(for: id) } }
        store.memory.rowIDs?.finishFilling()
        _ = try store.search(for: [1, 0, 0, 0], limit: 3)
        #expect(store.memory.rowIDs?.contains(RowKey(60)) == true)
        try store.compact(.rewrite)
        #expect(try mappedFiles(replaced: true) == 0)
        #expect(try store.vector(for: 60) == [60, 1, 2, 3])
    }

    // MARK: Codes

    /// A store with codes of 512 rows, and a handle that only reads, which have both used them.
    private func makeCodedStore() throws -> (VectorStore<Int64>, reader: VectorStore<Int64>) {
        let store = try makeStore()
        try store.write { batch in for id in Int64(200)..<700 { try batch.put([Float(id), 1, 2, 3], for: id) } }
        try store.accelerate()
        let reader = try openReader()
        for handle in [store, reader] { #expect(try handle.search(for: [1, 0, 0, 0], limit: 1).map(\.id) == [699]) }
        #expect(try mappedFiles("derived-", replaced: false) == 2)
        return (store, reader)
    }

    @Test(.enabled(if: exists("/proc/self/maps"))) func aReaderLetsRemovedCodesGo() throws {
        let (store, reader) = try makeCodedStore()
        clock.advance(by: .seconds(1))
        #expect(try mappedFiles("derived-", replaced: false) == 2)
        try store.stopAccelerating()
        #expect(try mappedFiles("derived-", replaced: true) == 1)
        clock.advance(by: .seconds(1))
        #expect(try mappedFiles("derived-", replaced: true) == 0)
        #expect(try reader.search(for: [1, 0, 0, 0], limit: 1).map(\.id) == [699])
        try reader.close()
    }

    @Test(.enabled(if: exists("/proc/self/maps"))) func codesThatAreNotReadForAMinuteAreLetGo() throws {
        let (store, reader) = try makeCodedStore()
        try store.close()
        #expect(try mappedFiles("derived-", replaced: false) == 1)
        clock.advance(by: .seconds(62))
        #expect(try mappedFiles("derived-", replaced: false) == 0)
        #expect(try reader.search(for: [1, 0, 0, 0], limit: 1).map(\.id) == [699])
        #expect(try mappedFiles("derived-", replaced: false) == 1)
        try reader.close()
        #expect(try mappedFiles("derived-", replaced: false) == 0)
    }

    @Test(.enabled(if: exists("/proc/self/maps"))) func theWritingHandleLetsRemovedCodesGoAtOnce() throws {
        let (store, reader) = try makeCodedStore()
        try reader.close()
        for remove in [{ try store.compact(.rewrite) }, { try store.erase([600]) }] as [() throws -> Any] {
            #expect(try store.search(for: [1, 0, 0, 0], limit: 1).map(\.id) == [699])
            #expect(try mappedFiles("derived-", replaced: false) == 1)
            _ = try remove()
            #expect(try mappedFiles("derived-", replaced: true) == 0)
        }
        #expect(try store.search(for: [1, 0, 0, 0], limit: 1).map(\.id) == [699])
    }
}
