// The disk model in the other tests keeps exactly what was synced. This test asks a real file system: ext4 on a loop
// device, shut down without flushing its log (FS_IOC_SHUTDOWN), as after a power cut. It needs a superuser who may
// mount, and is skipped otherwise.

import CLacunaTestVFS
import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A small ext4 in a file, whose power can be cut.
struct RealDisk {
    let directory: String
    var mountPoint: String { directory + "/disk" }

    static let isAvailable: Bool = {
        #if os(Linux)
        guard getuid() == 0 else { return false }
        return
            (try? TestFiles.withDirectory { directory in
                let disk = RealDisk(directory: directory)
                guard disk.make() else { return false }
                defer { disk.unmount() }
                return unsafe ctest_cut_power(disk.mountPoint) == 0
            }) ?? false
        #else
        return false
        #endif
    }()

    func make() -> Bool {
        shell("truncate -s 64M '\(directory)/image' && mkfs.ext4 -q -m 0 '\(directory)/image' && mkdir '\(mountPoint)'")
            && mount()
    }

    func mount() -> Bool { shell("mount -o loop '\(directory)/image' '\(mountPoint)'") }

    /// Tries again for a while, since a process that another test has just forked may hold a file there.
    @discardableResult
    func unmount() -> Bool {
        for _ in 0..<50 {
            if shell("umount '\(mountPoint)'") { return true }
            usleep(100_000)
        }
        return false
    }

    func cutPower() throws {
        let code = unsafe ctest_cut_power(mountPoint)
        try #require(code == 0, "errno \(code)")
    }

    private func shell(_ command: String) -> Bool {
        #if os(Linux)
        unsafe system("(\(command)) >/dev/null 2>&1") == 0
        #else
        false
        #endif
    }
}

@Suite struct RealPowerCutTests {
    private static let dimension = 1_024

    enum Moment: CaseIterable, Sendable {
        case afterPut, afterDelete, afterMetadata, whileRewriting, afterRewrite, afterPunch, insideABatch
    }

    @Test(
        .enabled(if: RealDisk.isAvailable, "needs a superuser who may mount ext4 on a loop device"),
        arguments: Moment.allCases
    )
    func whatWasAcknowledgedSurvives(_ moment: Moment) throws {
        try TestFiles.withDirectory { directory in
            let disk = RealDisk(directory: directory)
            try #require(disk.make())
            defer { disk.unmount() }
            let path = disk.mountPoint + "/store"
            let model = try run(until: moment, path, disk)
            try #require(disk.unmount())
            try #require(disk.mount())
            do {
                let store = try VectorStore<Int64>.open(at: path)
                #expect(try CrashModel(of: store) == model)
                #expect(try store.verify().isSound)
                try store.put(CrashModel.vector(900, version: 1, dimension: Self.dimension), for: 900)
                try store.delete([900])
                try store.compact(.rewrite)
                #expect(try CrashModel(of: store) == model)
                let files = try Directory.names(path).filter { !StorePaths.isFixedName($0) }
                #expect(files == [try store.info.dataFile])
                try store.close()
            }
        }
    }

    private struct PowerIsOut: Error {}

    /// Works on the store until the power is cut; returns the contents that were acknowledged by then.
    private func run(until moment: Moment, _ path: String, _ disk: RealDisk) throws -> CrashModel {
        var model = CrashModel()
        let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: Self.dimension))
        func put(_ ids: ClosedRange<Int64>, cutting: Bool = false) throws {
            try store.write { batch in
                for id in ids {
                    let vector = CrashModel.vector(id, version: 0, dimension: Self.dimension)
                    try batch.put(vector, for: id, metadataJSON: "{\"of\":\(id)}")
                }
                if cutting { try disk.cutPower() }
            }
            for id in ids {
                model.put(id, CrashModel.vector(id, version: 0, dimension: Self.dimension), "{\"of\":\(id)}")
            }
        }
        try put(1...300)
        if moment == .insideABatch {
            #expect(throws: VectorStoreError.self) { try put(301...400, cutting: true) }
            return model
        }
        for id in Int64(301)...310 { try put(id...id) }
        if moment == .afterPut { return try cut(disk, store, model) }
        try store.delete(Array(50...150))
        for id in Int64(50)...150 { model.rows[id] = nil }
        if moment == .afterDelete { return try cut(disk, store, model) }
        try store.setMetadataJSON("{\"changed\":true}", for: 1)
        model.rows[1]?.metadata = "{\"changed\":true}"
        if moment == .afterMetadata { return try cut(disk, store, model) }
        if moment == .whileRewriting {
            #expect(throws: PowerIsOut.self) {
                try store.compact(.rewrite) { _ in
                    try disk.cutPower()
                    throw PowerIsOut()
                }
            }
            return model
        }
        try store.compact(moment == .afterPunch ? .punch : .rewrite)
        return try cut(disk, store, model)
    }

    private func cut(_ disk: RealDisk, _ store: VectorStore<Int64>, _ model: CrashModel) throws -> CrashModel {
        try disk.cutPower()
        extendLifetime(store)
        return model
    }
}
