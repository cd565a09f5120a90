import TestSupport
import Testing

/// Ids of all three kinds, in the spellings of people and files.
@Suite struct IDTests {
    @Test func negativeIDsComeAfterTwoDashes() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 2)
        try succeed("put", store, "--json", "--", "-5", input: "[1,2,3]")
        #expect(try succeed("get", store, "--json", "--", "-5", "1").lines.first?.hasPrefix("{\"id\":-5,") == true)
        #expect(try succeed("list", store, "--json").lines.first == "{\"id\":-5,\"metadata\":null}")
        #expect(try succeed("delete", store, "--json", "--", "-5", "-6").text == "{\"deleted\":1,\"missing\":1}\n")
    }

    /// Both look like é to people and are equal to Swift's `==`; to the store they are two ids.
    @Test func composedAndDecomposedTextsAreTwoIDs() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        try succeed("create", store, "--dimension", "3", "--ids", "text")
        try Fixture.npy(directory / "v.npy", 2)
        let metadata = try directory.write(
            "m.jsonl",
            "{\"id\":\"\(composed)\",\"n\":1}\n{\"id\":\"\(decomposed)\",\"n\":2}\n"
        )
        try succeed("import", store, directory / "v.npy", "--metadata", metadata)
        #expect(try succeed("get", store, composed, "--json").text.contains("\"n\":1"))
        #expect(try succeed("get", store, decomposed, "--json").text.contains("\"n\":2"))
        let near = try succeed("search", store, "--like", composed, "--json").lines
        #expect(near.count == 1)
        #expect(near[0].contains("\"n\":2"))
        #expect(
            try succeed("delete", store, decomposed, decomposed, "--json").text == "{\"deleted\":1,\"missing\":0}\n"
        )
        try succeed("get", store, composed)
        try fail(1, "get", store, decomposed)
    }

    @Test func uuidsInAnyCase() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        let id = "0F8FAD5B-D9CB-469F-A165-70867728950E"
        try succeed("create", store, "--dimension", "3", "--ids", "uuid")
        let rows = try directory.write("r.jsonl", "{\"id\":\"\(id)\",\"vector\":[1,2,3]}\n")
        try succeed("import", store, rows)
        let line = "{\"id\":\"\(id.lowercased())\",\"metadata\":null}"
        #expect(try succeed("list", store, "--json").lines == [line])
        #expect(try succeed("get", store, id.lowercased(), id, "--json").lines.count == 2)
        try fail(64, "get", store, "17", saying: "UUID")
        try fail(
            65,
            "import",
            store,
            try directory.write("b.jsonl", "{\"id\":17,\"vector\":[1,2,3]}\n"),
            saying: "UUID"
        )
        let both = try directory.write(
            "c.jsonl",
            "{\"id\":\"\(id)\",\"vector\":[1,2,3]}\n{\"id\":\"\(id.lowercased())\",\"vector\":[1,2,3]}\n"
        )
        try fail(65, "import", store, both, "--replace", saying: "twice")
        #expect(try succeed("delete", store, id, "--json").text == "{\"deleted\":1,\"missing\":0}\n")
    }

    @Test func textThatLooksLikeSomethingElse() throws {
        let directory = try TemporaryDirectory()
        let store = directory / "s"
        try succeed("create", store, "--dimension", "3", "--ids", "text")
        for id in ["1", "--", "a\"b\\c", "'; DROP TABLE vectors; --", "line\nfeed", "\u{1B}[31mred"] {
            try succeed("put", store, "--", id, input: "[1,2,3]")
            #expect(try succeed("get", store, "--json", "--", id).json()["id"] as? String == id)
        }
        // In output for people, an id must not control the terminal.
        let listing = try succeed("list", store).text
        #expect(!listing.contains("\u{1B}"))
        #expect(listing.split(separator: "\n").count == 6)
    }
}
