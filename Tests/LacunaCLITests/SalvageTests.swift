import Foundation
import Lacuna
import LacunaFormats
import TestSupport
import Testing

/// `recover --salvage`: what comes out can go into a new store, and the old one stays as it is.
@Suite struct SalvageTests {
    /// A store of three components, and what it was filled with: metadata whose text must not change, none and empty.
    private struct Original {
        let directory: TemporaryDirectory
        let store: String
        let count = 12

        init() throws {
            directory = try TemporaryDirectory()
            store = directory / "s"
            try succeed("create", store, "--dimension", "3", "--metric", "euclidean", "--ids", "text")
            let metadata = ["{\"b\": 1, \"a\": 1.0e+00}", "{ }", nil, "{\"x\":\"\\u00e9 é\",\"y\":[1, {\"id\":2}]}"]
            let rows = try (0..<count).map { row in
                let vector = try jsonArray(of: Fixture.vector(row))
                let json = metadata[row % metadata.count].map { ",\"metadata\":\($0)" } ?? ""
                return "{\"id\":\"r\(row)\",\"vector\":\(vector)\(json)}\n"
            }
            try succeed("import", store, try directory.write("rows.jsonl", rows.joined()))
        }

        /// Names and bytes of all files.
        func contents() throws -> [String: Data] {
            var contents: [String: Data] = [:]
            for name in try FileManager.default.contentsOfDirectory(atPath: store) {
                contents[name] = try directory.read("s/" + name)
            }
            return contents
        }

        func ids(except lost: Int...) -> [String] { (0..<count).filter { !lost.contains($0) }.map { "r\($0)" } }
    }

    private func lines(_ directory: TemporaryDirectory, _ name: String) throws -> [[String: Any]] {
        try String(decoding: try directory.read(name), as: UTF8.self).split(separator: "\n").map {
            try jsonObject(String($0))
        }
    }

    @Test func replacesNoFile() throws {
        let original = try Original()
        let directory = original.directory
        for name in ["out.jsonl", "out.set-aside.jsonl"] {
            let path = try directory.write(name, "mine")
            let refused = try lacuna(["recover", original.store, "--salvage", directory / "out.jsonl"])
            refused.expectFailure(73, saying: "\(name) is there already")
            #expect(try directory.read(name) == Data("mine".utf8))
            try FileManager.default.removeItem(atPath: path)
        }
        try succeed("recover", original.store, "--salvage", directory / "out.jsonl")
    }

    @Test func roundTripOfADamagedStore() throws {
        let original = try Original()
        let (directory, store) = (original.directory, original.store)
        // A component of a row becomes a NaN, and a text of metadata another one.
        let handle = try #require(FileHandle(forUpdatingAtPath: store + "/vectors-1.f32"))
        try handle.seek(toOffset: 4_096 + 12 * 5 + 4)
        try handle.write(contentsOf: Data([0, 0, 0xC0, 0x7F]))
        try handle.close()
        let connection = try Connection(store + "/index.sqlite", .readWrite)
        try connection.execute("UPDATE metadata SET json = '{\"b\":' || char(10) || '2}' WHERE id = 'r4'")
        try connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        let good = try succeed(["get", store, "--json"] + original.ids(except: 4, 5)).lines
        let before = try original.contents()

        let file = directory / "out.jsonl"
        let run = try fail(76, "recover", store, "--salvage", file, "--json", saying: "11 rows salvaged to \(file)")
        #expect(run.error.contains("`lacuna create NEW --dimension 3 --metric euclidean --ids text`"))
        #expect(try original.contents() == before)
        let answer = try run.json()
        #expect(answer["state"] as? String == "damaged" && (answer["actions"] as? [Any])?.isEmpty == true)
        #expect(answer["salvaged"] as? Int == 11 && answer["unverified"] as? Int == 0)
        #expect(answer["set_aside"] as? Int == 2)
        #expect(answer["files"] as? [String] == [file, directory / "out.set-aside.jsonl"])

        let aside = try lines(directory, "out.set-aside.jsonl")
        #expect(aside.map { $0["id"] as? String } == ["r4", "r5"])
        #expect(
            aside.map { $0["reason"] as? String }
                == ["the metadata are damaged", "the row does not match its checksum"]
        )
        #expect(aside[0]["vector"] is NSNull && (aside[0]["metadata"] as? [String: Int]) == ["b": 2])
        let vector = try #require(aside[1]["vector"] as? [Any])
        #expect(vector.map { ($0 as? Double).map { Float($0) } } == [Fixture.vector(5)[0], nil, Fixture.vector(5)[2]])
        #expect(aside[1]["metadata"] as? [String: Int] == [:])

        let copy = directory / "copy"
        try succeed("create", copy, "--dimension", "3", "--metric", "euclidean", "--ids", "text")
        #expect(try succeed("import", copy, file, "--json").json()["rows"] as? Int == 11)
        #expect(try succeed(["get", copy, "--json"] + original.ids(except: 4, 5)).lines == good)
        let without = try succeed("get", copy, "r4", "--json").json()
        #expect(without["metadata"] is NSNull)
        try succeed("verify", copy)
    }

    /// Salvage writes a sound store byte for byte as an export does.
    @Test func aSoundStoreIsExported() throws {
        let original = try Original()
        try succeed("delete", original.store, "r3")
        try succeed("export", original.store, original.directory / "export.jsonl")
        let before = try original.contents()
        let target = original.directory / "out.jsonl"
        let answer = try succeed("recover", original.store, "--salvage", target, "--json").json()
        #expect(answer["state"] as? String == "clean" && answer["salvaged"] as? Int == 11)
        #expect(answer["set_aside"] as? Int == 0 && answer["files"] as? [String] == [target])
        #expect(try original.directory.read("out.jsonl") == original.directory.read("export.jsonl"))
        #expect(try original.contents() == before)
        let names = try FileManager.default.contentsOfDirectory(atPath: original.directory.path)
        #expect(!names.contains { $0.contains("set-aside") || $0.contains("partial") })
    }

    @Test func aDryRunWritesNothing() throws {
        let original = try Original()
        try original.directory.flip("s/vectors-1.f32", at: 4_096 + 12 * 5)
        let names = try FileManager.default.contentsOfDirectory(atPath: original.directory.path)
        let file = original.directory / "out.jsonl"
        let run = try fail(76, "recover", original.store, "--salvage", file, "--dry-run", "--json", saying: "--dry-run")
        let answer = try run.json()
        #expect(answer["salvaged"] as? Int == 11 && answer["set_aside"] as? Int == 1)
        #expect((answer["files"] as? [Any])?.isEmpty == true)
        let text = try fail(76, "recover", original.store, "--salvage", file, "--dry-run")
        #expect(
            text.lines == [
                "damaged: nothing was touched", "  salvaged      11 rows", "  set aside     1 entry",
                "                1  the row does not match its checksum",
            ]
        )
        #expect(try FileManager.default.contentsOfDirectory(atPath: original.directory.path) == names)
    }

    /// Without an index, rows are named by slot. Two data files of one store yield no id twice, and `import` takes
    /// them.
    @Test func withoutAnIndex() throws {
        let original = try Original()
        let (directory, store) = (original.directory, original.store)
        let old = try directory.read("s/vectors-1.f32")
        try succeed("delete", store, "r0", "r1", "r2", "r3")
        try succeed("compact", store, "--strategy", "rewrite")
        try old.write(to: URL(fileURLWithPath: store + "/vectors-1.f32"))
        for name in try FileManager.default.contentsOfDirectory(atPath: store) where name.hasPrefix("index") {
            try FileManager.default.removeItem(atPath: store + "/" + name)
        }
        let file = directory / "out.jsonl"
        let run = try fail(76, "recover", store, "--salvage", file, "--json", saying: "without their ids")
        #expect(try run.json()["unverified"] as? Int == 20)
        #expect(try run.json()["salvaged"] as? Int == 0)
        #expect(run.error.contains("20 unverified rows written to \(file) (by slot,"))
        #expect(run.error.contains("deleted ones perhaps among them"))
        #expect(run.error.contains("`lacuna create NEW --dimension 3 --metric METRIC --ids integer` (METRIC lost:"))
        let rows = try lines(directory, "out.jsonl")
        #expect(Set(rows.compactMap { $0["id"] as? Int }).count == 20)
        let newest = rows.prefix(8)
        #expect(newest.map { $0["id"] as? Int } == Array(0..<8))
        for (slot, row) in newest.enumerated() {
            let metadata = try #require(row["metadata"] as? [String: Any])
            #expect(metadata["lacuna_slot"] as? Int == slot && metadata["lacuna_unverified"] as? Bool == true)
            #expect(metadata["lacuna_file"] as? String == "vectors-2.f32")
            #expect((row["vector"] as? [Double])?.map { Float($0) } == Fixture.vector(slot + 4))
        }
        try succeed("create", directory / "copy", "--dimension", "3")
        try succeed("import", directory / "copy", file)
        #expect(try Fixture.rowCount(directory / "copy") == 20)
    }

    /// The store's record is lost, and its metric with it; the rows' ids tell their kind.
    @Test(arguments: ["integer", "text", "uuid"]) func withoutARecord(_ kind: String) throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3", "--metric", "dot", "--ids", kind)
        let ids = [
            "integer": "5", "text": "\"5\"", "uuid": "\"6ba7b810-9dad-11d1-80b4-00c04fd430c8\"",
        ]
        let row = "{\"id\":\(ids[kind] ?? ""),\"vector\":[1,2,3]}\n"
        try succeed("import", store, try directory.write("rows.jsonl", row))
        try Connection(store + "/index.sqlite", .readWrite).execute("DELETE FROM store")
        let run = try fail(76, "recover", store, "--salvage", directory / "out.jsonl", saying: "1 row salvaged to")
        #expect(run.error.contains("`lacuna create NEW --dimension 3 --metric METRIC --ids \(kind)` (METRIC lost:"))
        try succeed("create", directory / "copy", "--dimension", "3", "--metric", "dot", "--ids", kind)
        try succeed("import", directory / "copy", directory / "out.jsonl")
    }

    /// SQLite takes this metadata for JSON and `import` doesn't: one such row would keep out all the others.
    @Test func metadataThatNoImportTakes() throws {
        let directory = try TemporaryDirectory()
        let store = try VectorStore<Int64>.create(at: directory / "s", configuration: .init(dimension: 1))
        try store.put([1], for: 1, metadataJSON: #"{"\ud800": 1}"#)
        try store.put([2], for: 2)
        try store.close()
        let file = directory / "out.jsonl"
        let answer = try fail(76, "recover", directory / "s", "--salvage", file, "--json").json()
        #expect(answer["state"] as? String == "damaged")
        #expect(answer["salvaged"] as? Int == 2 && answer["set_aside"] as? Int == 1)
        #expect(try lines(directory, "out.set-aside.jsonl")[0]["metadata"] as? String == #"{"\ud800": 1}"#)
        try succeed("create", directory / "copy", "--dimension", "1")
        try succeed("import", directory / "copy", file)
    }

    @Test func nothingCouldBeSalvaged() throws {
        let original = try Original()
        let target = original.directory / "out.jsonl"
        try FileManager.default.removeItem(atPath: original.store + "/vectors-1.f32")
        let run = try fail(76, "recover", original.store, "--salvage", target, "--json", saying: "no row")
        #expect(try run.json()["set_aside"] as? Int == 12)
        #expect(try run.json()["files"] as? [String] == [original.directory / "out.set-aside.jsonl"])
        #expect(!FileManager.default.fileExists(atPath: target))
    }

    @Test func whatStandsInTheWay() throws {
        let original = try Original()
        let (directory, store) = (original.directory, original.store)
        let file = directory / "out.jsonl"
        try fail(66, "recover", directory / "none", "--salvage", file)
        let elsewhere = try TemporaryDirectory()
        try fail(66, "recover", directory.path, "--salvage", elsewhere / "out.jsonl")
        try fail(73, "recover", store, "--salvage", directory / "no/such.jsonl")
        // Nothing in the store's directory is touched, by whatever path it is reached.
        let before = try original.contents()
        try FileManager.default.createSymbolicLink(atPath: directory / "link", withDestinationPath: store)
        for name in ["s/rows.jsonl", "link/rows.jsonl", "link/../s/./rows.jsonl"] {
            for more in [[], ["--dry-run"]] {
                try lacuna(["recover", store, "--salvage", directory / name] + more)
                    .expectFailure(64, saying: "outside of it")
            }
        }
        try FileManager.default.removeItem(atPath: directory / "link")
        #expect(try original.contents() == before)
        let writer = try VectorStore<String>.open(at: store)
        try fail(75, "recover", store, "--salvage", file)
        try writer.close()
        try Connection(store + "/index.sqlite", .readWrite).execute("PRAGMA user_version = 99")
        try fail(76, "recover", store, "--salvage", file, saying: "upgrade")
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted() == ["rows.jsonl", "s"])
    }
}
