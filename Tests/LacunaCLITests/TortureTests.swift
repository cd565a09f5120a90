import Foundation
import Lacuna
import TestSupport
import Testing

@testable import LacunaCLI

// The bug story: a process died by SIGKILL, the machine went on. The kernel had all that the store's calls had
// acknowledged, but files and index were at different steps, and the next process went on from there.

/// Processes that are killed on the real file system.
@Suite struct TortureTests {
    @Test(arguments: [1, 3, 4, 5]) func nothingAcknowledgedIsLost(_ seed: Int) throws {
        let directory = try TemporaryDirectory()
        let store = directory / "t"
        let counts = try succeed("torture", store, "--seed", "\(seed)", "--kills", "75", "--json").json()
        let expected = [
            "seed", "rounds", "kills", "kills_in_calls", "kills_in_maintenance", "kills_in_recovery", "operations",
            "rows", "compactions", "erasures", "recoveries", "verified", "seconds", "ok",
        ]
        #expect(Set(counts.keys) == Set(expected))
        #expect(counts["seed"] as? Int == seed)
        #expect(counts["ok"] as? Bool == true)
        func count(_ name: String) throws -> Int { try #require(counts[name] as? Int, "\(name)") }
        // The last round may add several kills.
        #expect((75...77).contains(try count("kills")))
        #expect(try count("kills_in_calls") > 0)
        #expect(try count("kills_in_maintenance") <= count("kills_in_calls"))
        #expect(try count("kills_in_calls") + count("kills_in_recovery") <= count("kills"))
        // A round has three kills at most.
        #expect(try count("rounds") * 3 >= count("kills"))
        #expect(try count("operations") > 0 && count("rows") > 0 && count("verified") > 0)
        let compactions = try #require(counts["compactions"] as? [String: Int])
        #expect(Set(compactions.keys) == ["rewrite", "in-place", "punch"])
        #expect(!FileManager.default.fileExists(atPath: store))
    }

    /// The seed alone determines the calls: a workload that begins in the middle makes the same ones.
    @Test func theSeedReplaysTheOperations() {
        let workload = TortureWorkload(seed: 7)
        var whole = TortureModel(workload)
        var live: Set<Int64> = []
        for number in 1...60 {
            let call = whole.advance()
            #expect("\(workload.call(number, &live))" == "\(call)")
            live = Set(whole.rows.keys)
        }
        var other = TortureModel(TortureWorkload(seed: 8))
        for _ in 1...60 { other.advance() }
        #expect(!whole.rows.isEmpty && whole.rows != other.rows)
    }

    @Test func aDirectoryThatIsThereIsRefused() throws {
        let directory = try TemporaryDirectory()
        // The directory is empty, but it belongs to somebody.
        try fail(73, "torture", directory.path)
        #expect(FileManager.default.fileExists(atPath: directory.path))
        try fail(73, "torture", directory / "no/such")
        let store = try Fixture.store(directory, 1)
        try fail(73, "torture", store)
        #expect(try Fixture.rowCount(store) == 1)
    }

    @Test func anInterruptEndsItBetweenRounds() throws {
        let directory = try TemporaryDirectory()
        let program = try Program.lacuna.start(["torture", directory / "t", "--json"])
        // Once there is a store, the handlers are set up.
        while !FileManager.default.fileExists(atPath: directory / "t") { #expect(program.isRunning) }
        program.signal(SIGINT)
        let run = try program.finish()
        #expect(run.status == 130)
        #expect(run.error == "error: interrupted; what was checked until then was sound\n")
        #expect(try run.json()["ok"] as? Bool == true)
        #expect(!FileManager.default.fileExists(atPath: directory / "t"))
    }

    // MARK: The torture can fail

    fileprivate static let stranger: Int64 = 1_000_000

    enum Tampering: String, CaseIterable {
        case loss, otherVector, otherMetadata, invention, halfACall, rottenRow, unknownFile

        /// Harms an acknowledged row behind the torture's back.
        func apply(to torture: Torture, _ id: Int64) throws {
            let store = try VectorStore<Int64>.open(at: torture.path)
            defer { try? store.close() }
            var vector = try #require(try store.vector(for: id))
            switch self {
            case .loss, .halfACall: try store.delete(id)
            case .otherVector:
                let metadata = try store.metadataJSON(for: id)
                vector[vector.count - 1] = vector[vector.count - 1].nextUp
                try store.put(vector, for: id, metadataJSON: metadata, replacing: true)
            case .otherMetadata: try store.setMetadataJSON("{\"n\":1}", for: id)
            case .invention: try store.put(vector, for: TortureTests.stranger)
            case .rottenRow: try flipLastRow(of: torture.path + "/" + store.info.dataFile, vector)
            case .unknownFile: try Data("?".utf8).write(to: URL(fileURLWithPath: torture.path + "/vectors-999999.f32"))
            }
        }

        /// Flips a bit of the last copy of this vector in the file.
        private func flipLastRow(of path: String, _ vector: [Float]) throws {
            var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
            let row = unsafe vector.withUnsafeBytes { unsafe Data($0) }
            let place = try #require(bytes.range(of: row, options: .backwards))
            bytes[place.lowerBound] ^= 1
            // The bytes go into the same file, which a reader may have open.
            let handle = try #require(FileHandle(forWritingAtPath: path))
            try handle.write(contentsOf: bytes)
            try handle.close()
        }

        func message(_ id: Int64) -> String {
            switch self {
            case .loss: "1 id differs: \(id) is missing"
            case .otherVector: "1 id differs: \(id) has another vector"
            case .otherMetadata: "1 id differs: \(id) has other metadata"
            case .invention: "1 id differs: \(TortureTests.stranger) should not be there"
            case .halfACall: "was under way, and is not there as a whole"
            case .rottenRow: "\(id)"
            case .unknownFile: "vectors-999999.f32"
            }
        }
    }

    @Test(arguments: Tampering.allCases) func tamperingIsNoticed(_ tampering: Tampering) throws {
        let directory = try TemporaryDirectory()
        var torture = try Torture(at: directory / "t", seed: 5, executable: URL(fileURLWithPath: Program.lacuna.path))
        var ids: [Int64] = []
        while ids.isEmpty {
            try torture.round()
            let store = try VectorStore<Int64>.open(at: torture.path, access: .readOnly)
            ids = try store.ids()
            try store.close()
        }
        try torture.check(isInCall: false)
        let id = ids[ids.count / 2]
        try tampering.apply(to: torture, id)
        let thrown = try #require(throws: (any Error).self) { try torture.check(isInCall: tampering == .halfACall) }
        let error = try #require(torture.explained(thrown) as? CommandError)
        #expect(error.status == .no)
        let message = try #require(error.message)
        #expect(message.contains(tampering.message(id)), "\(message)")
        #expect(message.hasPrefix("seed 5, round \(torture.rounds): "))
        #expect(message.contains("; the store is kept in \(torture.path)"))
    }

    /// Another process changes the first byte of every data file until the torture notices.
    @Test func damageIsStatus1AndTheStoreIsKept() throws {
        let directory = try TemporaryDirectory()
        let program = try Program.lacuna.start([
            "torture", directory / "t", "--seconds", "600", "--seed", "3", "--json",
        ])
        while program.isRunning {
            let names = (try? FileManager.default.contentsOfDirectory(atPath: directory / "t")) ?? []
            for name in names where name.hasSuffix(".f32") {
                // A data file without rows is skipped: nobody checks a store that is still being created.
                guard let handle = FileHandle(forUpdatingAtPath: directory / "t/\(name)") else { continue }
                if try handle.seekToEnd() > 4_096 {
                    try handle.seek(toOffset: 0)
                    try handle.write(contentsOf: Data([0]))
                }
                try handle.close()
            }
        }
        let run = try program.finish()
        #expect(run.status == 1, "\(run.error)")
        #expect(run.error.hasPrefix("error: seed 3, round ") && run.error.hasSuffix("\n"))
        #expect(run.error.split(separator: "\n").count == 1, "\(run.error)")
        #expect(try run.json()["ok"] as? Bool == false)
        #expect(FileManager.default.fileExists(atPath: directory / "t/index.sqlite"))
    }
}

@Suite struct KilledImportTests {
    private static let rows = 1_000
    private static let batch = 3

    /// Starts an import of the sample, and kills it once it has acknowledged that many batches.
    ///
    /// - Returns: The rows that the import acknowledged in all, and whether it was killed before its end.
    private func killedImport(_ store: String, after batches: Int) throws -> (rows: Int, isKilled: Bool) {
        let program = try Program.lacuna.start([
            "import", store, "\(Repository.sample)/sample.npy", "--metadata", "\(Repository.sample)/sample.jsonl",
            "--batch", "\(Self.batch)", "--acks",
        ])
        for _ in 0..<batches { _ = try program.readLine() }
        program.signal(SIGKILL)
        let run = try program.finish()
        return (try run.acknowledged(), run.wasKilled)
    }

    @Test func everyAcknowledgedBatchIsThere() throws {
        let directory = try TemporaryDirectory()
        let sample = URL(fileURLWithPath: Repository.sample)
        let (npy, jsonl) = (sample.appendingPathComponent("sample.npy"), sample.appendingPathComponent("sample.jsonl"))
        let vectors = try Data(contentsOf: npy).suffix(Self.rows * 384 * 4)
        let metadata = try String(contentsOf: jsonl, encoding: .utf8).split(separator: "\n")
        var random = TestSupport.SplitMix64(seed: 4)
        var kills = 0
        for round in 1...5 {
            let store = directory / "s\(round)"
            try succeed("create", store, "--dimension", "384")
            let (acknowledged, isKilled) = try killedImport(store, after: Int.random(in: 1...200, using: &random))
            kills += isKilled ? 1 : 0
            try succeed("recover", store)
            let found = try Fixture.rowCount(store)
            #expect(found == acknowledged || found == min(acknowledged + Self.batch, Self.rows), "round \(round)")
            try succeed("export", store, directory / "found-\(round).npy")
            let bytes = found * 384 * 4
            #expect(try directory.read("found-\(round).npy").suffix(bytes) == vectors.prefix(bytes))
            let lines = String(decoding: try directory.read("found-\(round).jsonl"), as: UTF8.self)
            let texts = lines.split(separator: "\n")
            #expect(texts == metadata.prefix(found).map { $0 })
            try succeed(
                "import",
                store,
                npy.path,
                "--metadata",
                jsonl.path,
                "--replace"
            )
            try succeed("verify", store)
            try succeed("export", store, directory / "all-\(round).npy")
            #expect(try directory.read("all-\(round).npy") == Data(contentsOf: npy))
            #expect(try directory.read("all-\(round).jsonl") == Data(contentsOf: jsonl))
        }
        // An import that ended before the kill proves nothing.
        #expect(kills > 0)
    }
}
