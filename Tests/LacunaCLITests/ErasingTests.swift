import Foundation
import Lacuna
import TestSupport
import Testing

/// `lacuna erase`.
@Suite struct ErasingTests {
    @Test func erasing() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 30)
        let file = try directory.write("gone", "8\n9\n77\n")
        let run = try succeed("erase", store, "7", "9", "--ids", file, "--json").json()
        #expect(Set(run.keys) == ["erased", "missing", "zeroed_bytes", "seconds"])
        #expect(run["erased"] as? Int == 3)
        #expect(run["missing"] as? Int == 1)
        #expect(run["zeroed_bytes"] as? Int == 36)
        let data = try directory.read("s/vectors-1.f32")
        #expect(data[4_096 + 6 * 12..<4_096 + 9 * 12].allSatisfy { $0 == 0 })
        let index = try directory.read("s/index.sqlite")
        #expect(index.range(of: Data("{\"n\": 7}".utf8)) == nil)
        #expect(index.range(of: Data("{\"n\": 6}".utf8)) != nil)
        #expect(try Fixture.rowCount(store) == 27)
        try succeed("verify", store)
    }

    @Test func words() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        let run = try succeed("erase", store, "2", "99", "--max-rate", "1000000", "--deadline", "60")
        #expect(run.text.hasPrefix("erased 1 row; 1 id had no row; 12 bytes overwritten, the index rebuilt, in "))
    }

    /// If no row was found, the status is 1, as for `delete`; rows that were deleted before are erased all the same.
    @Test func noneFound() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try succeed("delete", store, "2")
        let run = try lacuna(["erase", store, "2", "--json"])
        #expect(run.status == 1 && run.error == "")
        #expect(try run.json()["erased"] as? Int == 0)
        #expect(try run.json()["zeroed_bytes"] as? Int == 12)
    }

    /// While a reader is in the way, the status is 75, and a line says what holds. The next commands that write say so
    /// too, until one of them has finished the erasure.
    @Test func aReaderIsInTheWay() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 30)
        let reader = try VectorStore<Int64>.open(at: store, access: .readOnly)
        try reader.read { snapshot in
            let run = try fail(75, "erase", store, "7", saying: "the rows are deleted, but not erased yet")
            #expect(run.text == "")
            let next = try succeed("delete", store, "8")
            #expect(next.error.hasPrefix("warning: rows that were to be erased are deleted, and not erased yet"))
            #expect(try snapshot.vector(for: 7) != nil)
        }
        try reader.close()
        #expect(try directory.read("s/vectors-1.f32")[4_096 + 6 * 12..<4_096 + 7 * 12].contains { $0 != 0 })
        let actions = try succeed("recover", store, "--json").json()["actions"] as? [[String: Any]]
        #expect(actions?.map { $0["action"] as? String } == ["erase"])
        #expect(try directory.read("s/vectors-1.f32")[4_096 + 6 * 12..<4_096 + 8 * 12].allSatisfy { $0 == 0 })
        #expect(try Fixture.rowCount(store) == 28)
    }

    @Test func aDeadline() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3000")
        try Fixture.npy(directory / "v.npy", 100, dimension: 3_000)
        try succeed("import", store, directory / "v.npy")
        let ids = try directory.write("ids", (1...90).map { "\($0)\n" }.joined())
        let words = ["erase", store, "--ids", ids, "--max-rate", "1000", "--deadline", "0.2"]
        try lacuna(words).expectFailure(75, saying: "the rows are deleted, but not erased yet")
        #expect(try Fixture.rowCount(store) == 10)
        try succeed("recover", store)
        #expect(try directory.read("s/vectors-1.f32")[4_096..<4_096 + 90 * 12_000].allSatisfy { $0 == 0 })
    }
}
