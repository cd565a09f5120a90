// The bug story: a copy of a store's files that was taken while it was written (or was put back beside an old log)
// opened without an error, but with rows that were never in it, with zeros for vectors, or without some rows.

import Foundation
import TestSupport
import Testing

@testable import Lacuna

@Suite struct BackupTests {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private static let dimension = 8

    private var destination: String { scratch.path + "/backup" }

    private static func vector(_ id: Int64, _ version: Int = 0) -> [Float] {
        CrashModel.vector(id, version: version, dimension: dimension)
    }

    private func makeStore(_ rows: Int64 = 100) throws -> VectorStore<Int64> {
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: Self.dimension))
        try put(1...rows, store)
        return store
    }

    private func put(_ ids: ClosedRange<Int64>, _ store: VectorStore<Int64>, version: Int = 0) throws {
        try store.write { batch in
            for id in ids {
                let json = "{\"version\":\(version)}"
                try batch.put(Self.vector(id, version), for: id, metadataJSON: json, replacing: true)
            }
        }
    }

    /// All rows and metadata of a store without a writer; the store must be sound.
    private func contents(_ path: String) throws -> CrashModel {
        let store = try VectorStore<Int64>.open(at: path, access: .readOnly)
        defer { try? store.close() }
        let report = try store.verify()
        #expect(report.isSound && report.unknownFiles.isEmpty, "\(report)")
        return try CrashModel(of: store)
    }

    private func siblings() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: scratch.path) }

    // MARK: A whole one

    @Test func aBackupIsAStore() throws {
        let store = try makeStore()
        try store.delete((1...20).map { $0 })
        let expected = try CrashModel(of: store)
        let report = try store.backup(to: destination)
        #expect(report.rows == 80)
        #expect(report.deadBytes == 20 * Int64(Self.dimension) * 4)
        #expect(!report.isIncremental)
        #expect(try contents(destination) == expected)
        try put(200...210, store)
        let backup = try VectorStore<Int64>.open(at: destination)
        #expect(try CrashModel(of: backup) == expected)
        try backup.put(Self.vector(300), for: 300)
        try backup.compact(.rewrite)
        try backup.close()
        #expect(try contents(destination).rows.count == 81)
        expectError(.alreadyExists) { try store.backup(to: destination) }
        expectError(.invalidArgument) { try store.backup(to: scratch.store) }
        expectError(.invalidArgument) { try store.backup(to: scratch.store + "/inside") }
        expectError(.noSuchStore) { try store.backup(to: scratch.path + "/missing/backup") }
        try store.close()
    }

    /// Work that is under way at the backup's moment has ended in the backup, and leaves nothing.
    @Test func whatWasUnderWayIsEnded() throws {
        let store = try makeStore()
        try store.delete((1...50).map { $0 })
        let expected = try CrashModel(of: store)
        var hasBackedUp = false
        try store.compact(.rewrite, .small(rows: 4, dimension: Self.dimension)) { progress in
            if progress.done < 20 || hasBackedUp { return }
            hasBackedUp = true
            try store.backup(to: destination)
        }
        #expect(hasBackedUp)
        #expect(try contents(destination) == expected)
        #expect(try VectorStoreRecovery.recover(at: destination).state == .clean)
        let states = try rawConnection(destination + "/index.sqlite").rows(
            2,
            "SELECT state, error FROM compaction_history"
        )
        #expect(states == [[.text("aborted"), .text("under way when this backup was made")]])
        try store.close()
    }

    /// A backup is one commit's state, though a writer and a rewrite go on all the time. Each commit moves a window of
    /// ids on by one.
    @Test func besideAWriterThatNeverStops() throws {
        let rows: Int64 = 1_000
        let store = try makeStore(rows)
        let isDone = Guarded(false)
        let failure = Guarded<(any Error)?>(nil)
        let group = DispatchGroup()
        DispatchQueue(label: "writer").async(group: group) {
            var next = rows + 1
            while !isDone.withLock({ $0 }) {
                do {
                    try store.write { batch in
                        try batch.put(Self.vector(next), for: next, metadataJSON: "{\"version\":0}")
                        batch.delete(next - rows)
                    }
                } catch { return failure.withLock { $0 = error } }
                next += 1
            }
        }
        for number in 0..<6 {
            if number == 3 { try store.compact(.rewrite) }
            let path = destination + "-\(number)"
            let report = try store.backup(to: path)
            let found = try contents(path)
            let last = found.ids.last ?? 0
            var expected = CrashModel()
            for id in (last - rows + 1)...last { expected.put(id, Self.vector(id), "{\"version\":0}") }
            #expect(found == expected)
            #expect(report.rows == Int(rows))
        }
        isDone.withLock { $0 = true }
        group.wait()
        #expect(failure.withLock { $0 } == nil)
        try store.close()
    }

    /// Rows stay in place until the data file is copied: a compaction that would destroy them waits, and its error
    /// names the backup.
    @Test(arguments: [CompactionStrategy.inPlace, .punch]) func rowsHoldStillMeanwhile(_ strategy: CompactionStrategy)
        throws
    {
        let store = try makeStore(400)
        let other = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try store.delete((1...200).map { $0 })
        let expected = try CrashModel(of: store)
        var seen: Set<Int> = []
        try other.backup(to: destination) { progress in
            // Tries it once while the index is copied and once while the rows are; the rows that are checked later
            // belong to the copy.
            guard seen.insert(progress.done).inserted else { return }
            let limits = MaintenanceLimits(bytes: 1 << 20, rows: 100, drainSeconds: 0.05)
            let error = #expect(throws: VectorStoreError.self) {
                try store.writing().maintain(Pace { _ in }, limits) { maintenance in
                    switch strategy {
                    case .inPlace: _ = try InPlace(maintenance: maintenance).run()
                    default: try maintenance.drainReaders(before: "released")
                    }
                }
            }
            #expect(error?.code == .busy)
            #expect(error?.problem.contains("backup") == true)
            if strategy == .inPlace { try store.compact(.rewrite) }
        }
        #expect(seen.count == 2)
        #expect(try contents(destination) == expected)
        try store.close()
    }

    @Test func aRottenRowIsNamedAndNothingStays() throws {
        let store = try makeStore()
        try store.close()
        try TestFiles.overwrite(scratch.file("vectors-1.f32"), at: 4_096 + 41 * Self.dimension * 4, [0xff])
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        let error = expectError(.damaged) { try reader.backup(to: destination) }
        #expect(error?.ids == ["42"])
        #expect(try siblings().sorted() == [scratch.store.split(separator: "/").last.map(String.init)])
    }

    @Test func stoppedByItsProgress() throws {
        struct Enough: Error {}
        let store = try makeStore()
        #expect(throws: Enough.self) { try store.backup(to: destination) { _ in throw Enough() } }
        #expect(try siblings().count == 1)
        try store.backup(to: destination)
        try store.close()
    }

    @Test func whatIsPrivateStaysSo() throws {
        let store = try makeStore()
        for name in try Directory.names(scratch.store) { unsafe chmod(scratch.file(name), 0o600) }
        unsafe chmod(scratch.store, 0o700)
        try store.backup(to: destination)
        for name in try Directory.names(destination) {
            #expect(try Directory.status(destination + "/" + name)?.mode == 0o600, "\(name)")
        }
        #expect(try Directory.status(destination)?.mode == 0o700)
        try store.close()
    }

    // MARK: An earlier one brought up to date

    @Test func whatWasAppendedIsEnough() throws {
        let store = try makeStore(2_000)
        try store.backup(to: destination, incremental: true)
        try put(3_000...3_020, store)
        try store.delete([1, 2, 3])
        try put(10...12, store, version: 1)
        let report = try store.backup(to: destination, incremental: true)
        #expect(report.isIncremental)
        let index = try #require(try Directory.status(destination + "/index.sqlite")).size
        #expect(report.copiedBytes == 24 * Int64(Self.dimension) * 4 + index)
        #expect(try contents(destination) == CrashModel(of: store))
        // Nothing is new, and readers have left their files beside the backup's index.
        #expect(try store.backup(to: destination, incremental: true).isIncremental)
        #expect(try contents(destination) == CrashModel(of: store))
        try store.close()
    }

    /// Changes after which a whole backup is necessary.
    enum Change: CaseIterable {
        case rewritten, movedInPlace, erased, backupWritten, sourceRestored, backupRead
    }

    @Test(arguments: Change.allCases) func aWholeOneTakesItsPlace(_ change: Change) throws {
        var store = try makeStore(200)
        let secret = Self.vector(150)
        try store.backup(to: destination)
        var reader: VectorStore<Int64>?
        switch change {
        case .rewritten:
            try store.delete((1...50).map { $0 })
            try store.compact(.rewrite)
        case .movedInPlace:
            try store.delete((1...50).map { $0 })
            #expect(try store.compact(.inPlace).strategy == .inPlace)
        case .erased: try store.erase([150])
        case .backupWritten:
            let backup = try VectorStore<Int64>.open(at: destination)
            try backup.put(Self.vector(900), for: 900)
            try backup.close()
            try put(800...810, store)
        case .sourceRestored:
            // The backup has a commit that the store lacks since it was put back to an older state.
            try store.backup(to: scratch.path + "/older")
            try put(500...510, store, version: 1)
            try store.backup(to: destination, incremental: true)
            try store.close()
            try VectorStoreBackup.restore(scratch.path + "/older", to: scratch.store)
            store = try VectorStore<Int64>.open(at: scratch.store)
            try put(500...512, store, version: 2)
        case .backupRead:
            reader = try VectorStore<Int64>.open(at: destination, access: .readOnly)
            try put(800...810, store)
        }
        let report = try store.backup(to: destination, incremental: true)
        #expect(!report.isIncremental)
        if let reader { expectError(.moved) { try reader.count } }
        try reader?.close()
        #expect(try contents(destination) == CrashModel(of: store))
        if change == .erased {
            let bytes = unsafe secret.withUnsafeBytes { unsafe Data($0) }
            for name in try Directory.names(destination) {
                #expect(try read(destination + "/" + name).range(of: bytes) == nil, "\(name)")
            }
        }
        let aside = try siblings().filter { $0.hasPrefix("backup.") }
        #expect(aside.count == (change == .backupWritten ? 1 : 0), "\(aside)")
        #expect(report.movedAside == aside.first.map { scratch.path + "/" + $0 })
        if let path = report.movedAside { #expect(try contents(path).rows[900] != nil) }
        try store.close()
    }

    /// The bug: the store was put back to an older state by mistake, and the next backup replaced the newer state.
    @Test func aNewerBackupIsLeftAlone() throws {
        let store = try makeStore()
        try store.backup(to: scratch.path + "/older")
        try put(200...210, store)
        try store.backup(to: destination)
        let expected = try CrashModel(of: store)
        try store.close()
        try VectorStoreBackup.restore(scratch.path + "/older", to: scratch.store)
        let restored = try VectorStore<Int64>.open(at: scratch.store)
        let error = expectError(.alreadyExists) { try restored.backup(to: destination, incremental: true) }
        #expect(error?.problem.contains("no earlier state") == true)
        #expect(try contents(destination) == expected)
        try restored.close()
    }

    /// The backup has a row of its own behind the store's last slot, where a comparison of the store's rows doesn't
    /// look.
    @Test func whatWasAddedToTheBackupIsKept() throws {
        let store = try makeStore()
        try store.backup(to: destination)
        let backup = try VectorStore<Int64>.open(at: destination)
        try backup.put(Self.vector(900), for: 900)
        try backup.close()
        for id in Int64(1)...5 { try store.setMetadataJSON("{}", for: id) }
        let report = try store.backup(to: destination, incremental: true)
        #expect(!report.isIncremental)
        #expect(try contents(destination) == CrashModel(of: store))
        #expect(try contents(#require(report.movedAside)).rows[900] != nil)
        try store.close()
    }

    /// Old states of a backup are often kept by `cp -al`.
    @Test func hardLinksOfABackupKeepItsState() throws {
        let store = try makeStore()
        try store.backup(to: destination)
        let expected = try CrashModel(of: store)
        let kept = scratch.path + "/monday"
        try Program.succeed("cp", "-al", destination, kept)
        let before = try contentsOfFiles(kept)
        try put(200...210, store)
        #expect(try !store.backup(to: destination, incremental: true).isIncremental)
        #expect(try contentsOfFiles(kept) == before)
        #expect(try contents(kept) == expected)
        #expect(try contents(destination) == CrashModel(of: store))
        try store.close()
    }

    private func contentsOfFiles(_ path: String) throws -> [String: Data] {
        var files: [String: Data] = [:]
        for name in try Directory.names(path) { files[name] = try read(path + "/" + name) }
        return files
    }

    /// If an earlier backup that was cut short were extended, it would be whole again, with zeros for rows.
    @Test func aShortBackupIsReplaced() throws {
        let store = try makeStore()
        try store.backup(to: destination)
        try put(200...210, store)
        try edit(destination + "/vectors-1.f32") { try $0.truncate(atOffset: 5_000) }
        #expect(try !store.backup(to: destination, incremental: true).isIncremental)
        #expect(try contents(destination) == CrashModel(of: store))
        try store.close()
    }

    /// A killed reader has left its files in the backup, and they were hard-linked too.
    @Test func hardLinksOfSharedMemoryToo() throws {
        let store = try makeStore()
        try store.backup(to: destination)
        let reader = try VectorStore<Int64>.open(at: destination, access: .readOnly)
        #expect(try reader.count == 100)
        try Program.succeed("cp", "-al", destination, scratch.path + "/kept")
        #expect(try !store.backup(to: destination, incremental: true).isIncremental)
        #expect(try contents(destination) == CrashModel(of: store))
        try? reader.close()
        try store.close()
    }

    @Test func aPersonsFileInABackupIsKept() throws {
        let store = try makeStore()
        try store.backup(to: destination)
        try write(Data("mine".utf8), to: destination + "/notes.txt")
        try store.delete((1...50).map { $0 })
        try store.compact(.rewrite)
        let report = try store.backup(to: destination, incremental: true)
        let aside = try #require(report.movedAside)
        #expect(try read(aside + "/notes.txt") == Data("mine".utf8))
        #expect(try contents(destination) == CrashModel(of: store))
        try store.close()
    }

    @Test func placesThatAreNoBackups() throws {
        let store = try makeStore()
        try store.backup(to: destination)
        expectError(.invalidArgument) { try store.backup(to: scratch.store, incremental: true) }
        expectError(.invalidArgument) { try store.backup(to: scratch.store + "/inside") }
        expectError(.invalidArgument) { try store.backup(to: destination + "/inside") }
        expectError(.invalidArgument) { try VectorStoreBackup.restore(destination, to: destination + "/inside") }
        let (empty, foreign) = (scratch.path + "/empty", scratch.path + "/foreign")
        for path in [empty, foreign] {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        }
        let database = try Connection(foreign + "/index.sqlite", .create)
        try database.execute("PRAGMA journal_mode = MEMORY; CREATE TABLE notes (text)")
        for path in [empty, foreign, scratch.path] {
            let before = try Directory.names(path)
            let error = expectError(.alreadyExists) { try store.backup(to: path, incremental: true) }
            #expect(error?.problem.contains("is no backup") == true)
            #expect(try Directory.names(path) == before)
        }
        try store.close()
    }

    /// A row of zeros that is a hole in the store's file, where an interrupted backup has left other bytes.
    @Test func leftoversDontShowThroughHoles() throws {
        let store = try VectorStore<Int64>.create(
            at: scratch.store,
            configuration: .init(dimension: 1_024, metric: .dot)
        )
        try store.put([Float](repeating: 1, count: 1_024), for: 1)
        try store.backup(to: destination)
        try store.put([Float](repeating: 0, count: 1_024), for: 2)
        try store.close()
        try Program.succeed("fallocate", "-p", "-o", "8192", "-l", "4096", scratch.file("vectors-1.f32"))
        try edit(destination + "/vectors-1.f32") { file in
            try file.seek(toOffset: 8_192)
            try file.write(contentsOf: Data(repeating: 7, count: 8_192))
        }
        let again = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try again.backup(to: destination, incremental: true).isIncremental)
        #expect(
            try VectorStore<Int64>.open(at: destination, access: .readOnly).vector(for: 2)?.allSatisfy { $0 == 0 }
                == true
        )
        try again.close()
    }

    @Test func anotherStoresBackupIsLeftAlone() throws {
        let store = try makeStore()
        let other = scratch.path + "/other"
        try VectorStore<Int64>.create(at: other, configuration: .init(dimension: Self.dimension)).close()
        expectError(.alreadyExists) { try store.backup(to: other, incremental: true) }
        let backup = destination
        try store.backup(to: backup)
        let writer = try VectorStore<Int64>.open(at: backup)
        expectError(.locked) { try store.backup(to: backup, incremental: true) }
        try writer.close()
        try store.close()
    }

    // MARK: Killed

    /// Whatever happened, the backup's path has the old backup or the new one; and the next try succeeds.
    @Test(arguments: [false, true], [false, true])
    func killedAtEveryOperation(_ isRenewed: Bool, _ failsOnce: Bool) throws {
        var count = 0
        var isStopped = true
        while isStopped {
            let scratch = try Scratch()
            let place = scratch.path + "/backup"
            let store = try VectorStore<Int64>.create(
                at: scratch.store,
                configuration: .init(dimension: Self.dimension)
            )
            try put(1...40, store)
            let old = try CrashModel(of: store)
            if isRenewed {
                try store.backup(to: place)
                try put(41...60, store)
            }
            let new = try CrashModel(of: store)
            let files = StoppingFileSystem(after: count, failsOnce: failsOnce)
            let result = Result {
                try store.backup(
                    to: place,
                    incremental: isRenewed,
                    options: MaintenanceOptions(),
                    fileSystem: files,
                    progress: { _ in }
                )
            }
            isStopped = files.isStopped
            if case .failure(let error) = result { #expect(isStopped, "\(error)") }
            if isRenewed || FileManager.default.fileExists(atPath: place) {
                let copy = scratch.path + "/copy"
                try TestFiles.copy(place, copy)
                let found = try CrashModel(of: VectorStore<Int64>.open(at: copy))
                #expect(found == new || isRenewed && found == old, "stopped at operation \(count)")
            }
            for name in try FileManager.default.contentsOfDirectory(atPath: scratch.path) where name.contains("partial")
            {
                // The partial backup is whole, or no store at all.
                do {
                    let partial = try VectorStore<Int64>.open(at: scratch.path + "/" + name)
                    #expect(try CrashModel(of: partial) == new)
                    try partial.close()
                } catch let error as VectorStoreError {
                    #expect([.notAStore, .noSuchStore, .damaged].contains(error.code))
                }
            }
            try store.backup(to: place, incremental: true)
            #expect(try contents(place) == new)
            try store.close()
            count += 1
        }
        #expect(count > 6)
    }
}
