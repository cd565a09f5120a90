import Foundation
import Lacuna
import TestSupport
import Testing

/// A file system without a byte left.
@Suite(.enabled(if: Mounts.areAllowed, "needs the right to mount"), .timeLimit(.minutes(40))) struct FullDiskTests {
    private static func vector(_ id: Int64) -> [Float] { [Float](repeating: Float(id) + 0.25, count: 256) }

    /// Writes until the disk is full.
    private func fill(_ path: String) throws {
        if !exists(path) { try write(Data(), to: path) }
        try edit(path) { file in
            try file.seekToEnd()
            for size in [1 << 16, 1 << 12, 1 << 8, 1] {
                do { while true { try file.write(contentsOf: Data(count: size)) } } catch {}
            }
        }
    }

    /// Puts batches until the disk refuses one. Returns the ids in the acknowledged batches.
    private func putUntilFull(_ store: VectorStore<Int64>, from first: Int64) -> Range<Int64> {
        for batch in Int64(0)..<1_000 {
            let ids = first + batch * 50..<first + (batch + 1) * 50
            var isFull = false
            do { try store.write { rows in for id in ids { try rows.put(Self.vector(id), for: id) } } } catch let error
                as VectorStoreError
            {
                #expect(error.code == .diskFull, "\(error)")
                isFull = true
            } catch { Issue.record("\(error)") }
            if isFull { return first..<ids.lowerBound }
        }
        Issue.record("the disk never filled up")
        return first..<first
    }

    /// In the second case the log is emptied before nearly every write, and there may be no room for that.
    @Test(arguments: [1 << 30, 16 << 10]) func deletingWorksOnAFullDisk(_ logLimitBytes: Int64) throws {
        let scratch = try Scratch()
        let mount = scratch.path + "/disk"
        try Mounts.withTmpfs(megabytes: 12, at: mount) {
            let path = mount + "/test.lacuna"
            let store = try VectorStore<Int64>.create(
                at: path,
                configuration: .init(dimension: 256),
                options: .init(logWarningBytes: 16 << 10, logLimitBytes: logLimitBytes)
            )
            try store.write { rows in for id in Int64(0)..<2_000 { try rows.put(Self.vector(id), for: id) } }
            try fill(mount + "/filler")
            let more = putUntilFull(store, from: 2_000)
            let total = more.upperBound
            #expect(try store.count == Int(total))
            #expect(try store.verify().isSound)
            for begin in stride(from: 0, to: total, by: 100) {
                let ids = Array(begin..<min(total, begin + 100))
                #expect(try store.delete(ids) == ids.count)
                let next = try store.vector(for: min(total, begin + 100))
                #expect(next == (begin + 100 < total ? Self.vector(begin + 100) : nil))
            }
            #expect(try store.count == 0)
            try remove(mount + "/filler")
            #expect(try store.compact(.rewrite).liveRows == 0)
            #expect(try sizes(path + "/vectors-2.f32").length == 4_096)
            try store.put(Self.vector(7), for: 7)
            try store.close()
            let again = try VectorStore<Int64>.open(at: path)
            let rows = try again.ids()
            #expect(rows == [7])
            try again.close()
        }
    }

    /// The copy doesn't fit: the store stays as before, and no orphaned file is left.
    @Test func aRewriteWithoutRoomLeavesTheStore() throws {
        let scratch = try Scratch()
        let mount = scratch.path + "/disk"
        try Mounts.withTmpfs(megabytes: 12, at: mount) {
            let path = mount + "/test.lacuna"
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 256))
            try store.write { rows in for id in Int64(0)..<7_000 { try rows.put(Self.vector(id), for: id) } }
            try store.delete(Array(0..<1_000))
            let before = try read(path + "/vectors-1.f32")
            for _ in 0..<3 { expectError(.diskFull) { try store.compact(.rewrite) } }
            let names = try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".f32") }
            #expect(names == ["vectors-1.f32"])
            let after = try read(path + "/vectors-1.f32")
            #expect(after.prefix(4_096 + 7_000 * 1_024) == before.prefix(4_096 + 7_000 * 1_024))
            // Without room for a copy, the automatic choice is to release blocks in place.
            let plan = try store.compactionPlan()
            let report = try store.compact()
            #expect(plan.strategy == .punch && report.strategy == .punch)
            #expect(report.allocatedBytesBefore - report.allocatedBytesAfter == 1_000 * 1_024)
            let isSound = try store.verify().isSound
            #expect(isSound)
            try store.close()
        }
    }

    /// The codes don't fit: those that there were stay, and what was written of the new ones is given back.
    @Test func codesWithoutRoomLeaveTheStore() throws {
        let scratch = try Scratch()
        let mount = scratch.path + "/disk"
        try Mounts.withTmpfs(megabytes: 12, at: mount) {
            let path = mount + "/test.lacuna"
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 256))
            try store.write { rows in for id in Int64(0)..<4_000 { try rows.put(Self.vector(id), for: id) } }
            let answer = try store.search(for: Self.vector(70), limit: 3)
            func freeBytes() throws -> Int {
                try #require(FileManager.default.attributesOfFileSystem(forPath: mount)[.systemFreeSize] as? Int)
            }
            try write(Data(count: try freeBytes() - 300_000), to: mount + "/filler")
            let before = try freeBytes()
            for _ in 0..<3 {
                expectError(.diskFull) { try store.accelerate() }
                #expect(try store.space.codesBytes == 0)
                // The commit that lists the file made the index, or its log, a few pages longer.
                #expect(try freeBytes() > before - 100_000)
                #expect(try store.search(for: Self.vector(70), limit: 3) == answer)
            }
            try remove(mount + "/filler")
            #expect(try store.accelerate().rows == 3_840)
            #expect(try store.search(for: Self.vector(70), limit: 3) == answer)
            #expect(try store.verify().isSound)
            try store.close()
        }
    }

    /// The kinds of gaps that the store has on a full disk.
    enum Gaps: CaseIterable, Sendable { case scattered, inRuns, punched }

    private static func isDead(_ id: Int64, _ gaps: Gaps) -> Bool {
        gaps == .scattered ? id % 3 == 0 : id % 300 < 100
    }

    /// There is no room for one batch. Deleting works, a rewrite says that the disk is full, and moving rows in place
    /// gives space back.
    @Test(arguments: Gaps.allCases) func inPlaceNeedsNoRoom(_ gaps: Gaps) throws {
        let scratch = try Scratch()
        let mount = scratch.path + "/disk"
        try Mounts.withTmpfs(megabytes: 12, at: mount) {
            let path = mount + "/test.lacuna"
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 256))
            try store.write { rows in for id in Int64(0)..<6_000 { try rows.put(Self.vector(id), for: id) } }
            let dead = (Int64(0)..<6_000).filter { Self.isDead($0, gaps) }
            if gaps == .punched {
                try store.delete(dead)
                #expect(try store.compact(.punch).strategy == .punch)
            }
            try fill(mount + "/filler")
            if gaps != .punched {
                for begin in stride(from: 0, to: dead.count, by: 100) {
                    try store.delete(Array(dead[begin..<min(dead.count, begin + 100)]))
                }
                try fill(mount + "/filler")
            }
            let error = expectError(.diskFull) { try store.compact(.rewrite) }
            #expect(
                error?.problem.contains("needs 4100096 bytes") == true && error?.remedy.calls == [.compactInPlace]
            )
            try fill(mount + "/filler")
            let before = try sizes(path + "/vectors-1.f32")
            let report = try store.compact(.inPlace)
            let after = try sizes(path + "/vectors-1.f32")
            #expect(report.liveRows == 4_000 && report.movedRows > 0)
            #expect(after.length < before.length && after.allocated <= before.allocated)
            if gaps != .punched { #expect(before.allocated - after.allocated > 1_500 << 10) }
            for id in Int64(0)..<6_000 {
                let vector = try store.vector(for: id)
                #expect(vector == (Self.isDead(id, gaps) ? nil : Self.vector(id)), "\(id)")
            }
            let isSound = try store.verify().isSound
            #expect(isSound)
            try store.close()
        }
    }
}
