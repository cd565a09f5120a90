import Foundation
import TestSupport
import Testing

/// `create` takes the model that makes the vectors, and other commands say it.
@Suite struct EmbeddingModelTests {
    private let directory: TemporaryDirectory
    private var store: String { directory / "s" }

    init() throws { directory = try TemporaryDirectory() }

    private func expect(_ json: [String: Any], _ model: String?, _ version: String?, _ normalized: Bool?) {
        for key in ["model", "model_version", "normalized"] { #expect(json.keys.contains(key)) }
        #expect(json["model"] as? String == model)
        #expect(json["model_version"] as? String == version)
        #expect(json["normalized"] as? Bool == normalized)
    }

    @Test func theModelIsSaid() throws {
        let options = ["--model", "e5", "--model-version", "2", "--normalized"]
        let made = try succeed(["create", store, "--dimension", "3", "--json"] + options)
        expect(try made.json(), "e5", "2", true)
        expect(try succeed("stats", store, "--json").json(), "e5", "2", true)
        #expect(try succeed("stats", store).text.contains("e5, version 2, normalized\n"))
    }

    @Test func noModelIsSaid() throws {
        expect(try succeed("create", store, "--dimension", "3", "--json").json(), nil, nil, nil)
        expect(try succeed("stats", store, "--json").json(), nil, nil, nil)
        #expect(try succeed("stats", store).text.contains("not named\n"))
    }

    @Test func aNameIsOneLineOfText() throws {
        try succeed("create", store, "--dimension", "3", "--model", "a\nb", "--no-normalized")
        #expect(try succeed("stats", store).lines.contains { $0.hasSuffix(#" a\u{a}b, not normalized"#) })
        expect(try succeed("stats", store, "--json").json(), "a\nb", nil, false)
    }

    /// The command that a salvage names makes a store of the same model.
    @Test func aSalvageNamesTheModel() throws {
        try succeed("create", store, "--dimension", "3", "--model", "it's e5", "--model-version", "2")
        try succeed("put", store, "1", input: "[1,2,3]")
        try succeed("put", store, "2", input: "[4,5,6]")
        try directory.flip("s/vectors-1.f32", at: 4096 + 5)
        let run = try fail(76, "recover", store, "--salvage", directory / "rows.jsonl")
        let words = #"--model 'it'\''s e5' --model-version 2"#
        #expect(run.error.contains("`lacuna create NEW --dimension 3 --metric cosine --ids integer \(words)`"))
    }
}
