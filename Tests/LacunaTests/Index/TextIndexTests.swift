import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// The text index: what it finds, that each write keeps it, and that nothing of it runs that we didn't make.
@Suite(.timeLimit(.minutes(40))) struct TextIndexTests {
    private static let texts = [
        "Process monitor for the terminal", "Monitoring of processes", "Café and résumé", "東京の地図を見る", "a kernel",
        "proc proc proc", "it's a \"quoted\" -- word",
    ]

    private static func make<ID: VectorID>(_ scratch: Scratch, _ id: (Int) -> ID) throws -> VectorStore<ID> {
        let store = try VectorStore<ID>.create(
            at: scratch.store,
            configuration: .init(dimension: 1, metric: .euclidean)
        )
        try store.write { batch in
            for (row, text) in texts.enumerated() {
                let json = try JSONText.object(["title": text, "n": "\(row)"])
                try batch.put([Float(row)], for: id(row), metadataJSON: json)
            }
            try batch.put([100], for: id(100), metadataJSON: #"{"title":["proc"],"other":"proc"}"#)
            try batch.put([101], for: id(101))
        }
        return store
    }

    private enum JSONText {
        static func object(_ members: [String: String]) throws -> String {
            String(decoding: try JSONEncoder().encode(members), as: UTF8.self)
        }
    }

    /// The ids that match, in the order of ids.
    @discardableResult
    private static func ids<ID: VectorID>(_ store: VectorStore<ID>, _ words: TextQuery) throws -> [ID] {
        let found = try store.search(for: [0], matching: words, fusion: .weighted(0), depth: 1_000, limit: 1_000)
        return found.filter { $0.textRank != nil }.map(\.id).sorted {
            SQLValue.idPrecedes($0.sqlValue, $1.sqlValue)
        }
    }

    @Test func whatEachTokenizerFinds() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { Int64($0) }
        let expected: [(TextTokenizer, String, [Int64])] = [
            (.unicode, "monitor", [0]), (.unicode, "MONITOR kernel", [0, 4]), (.unicode, "cafe", [2]),
            (.unicode, "RÉSUMÉ", [2]), (.unicode, "proc", [5]), (.unicode, "\"quoted\"", [6]), (.unicode, "--", []),
            (.unicode, "", []), (.unicode, "title", []), (.unicode, "NOT", []), (.unicode, "it's", [6]),
            (.unicode, "proc*", [5]), (.unicode, "kernel OR monitor", [0, 4]), (.unicode, "地図", []),
            (.porter, "process", [0, 1]), (.porter, "monitors", [0, 1]), (.porter, "proc", [5]),
            (.trigram, "の地図", [3]), (.trigram, "onito", [0, 1]), (.trigram, "地図", []),
        ]
        for tokenizer in TextTokenizer.allCases {
            try store.createTextIndex(on: ["title"], tokenizer: tokenizer)
            for (_, words, ids) in expected.filter({ $0.0 == tokenizer }) {
                #expect(try Self.ids(store, .words(words)) == ids, "\(tokenizer), \(words)")
            }
        }
        try store.createTextIndex(on: ["title"])
        #expect(try Self.ids(store, .expression("proc* NOT monitor")) == [1, 5])
        #expect(try Self.ids(store, .expression("title : (kernel OR terminal)")) == [0, 4])
        #expect(try store.indexes() == [IndexInfo(name: "metadata_words", kind: .text, fields: ["title"], rows: 7)])
    }

    @Test func badInput() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { Int64($0) }
        expectError(.invalidArgument) { try Self.ids(store, .words("a")) }
        for fields in [
            [], ["title", "TITLE"], ["rank"], ["é"], ["a\"b"], ["\"a.b\""], [""], Array(repeating: "x", count: 9),
        ] {
            expectError(.invalidArgument) { try store.createTextIndex(on: fields) }
        }
        #expect(try store.indexes() == [])
        try store.createTextIndex(on: ["nowhere", "a.b-c d"])
        #expect(try store.indexes().map(\.rows) == [0])
        try store.createTextIndex(on: ["title"])
        for expression in ["", "a AND (", "foo : a", "\"a", "NOT a", "a\0b", String(repeating: "a ", count: 9_000)] {
            expectError(.invalidArgument) { try Self.ids(store, .expression(expression)) }
        }
        for fusion in [Fusion.weighted(1.5), .weighted(.nan), .reciprocalRank(k: -1), .reciprocalRank(k: .infinity)] {
            expectError(.invalidArgument) {
                try store.search(for: [0], matching: .words("a"), fusion: fusion, limit: 1)
            }
        }
        expectError(.invalidArgument) { try store.search(for: [0], matching: .words("a"), depth: 0, limit: 1) }
        expectError(.invalidVector) { try store.search(for: [0, 1], matching: .words("a"), limit: 1) }
        #expect(try store.dropTextIndex())
        #expect(try !store.dropTextIndex())
    }

    private static func checkEveryWrite<ID: VectorID>(_ id: @escaping (Int) -> ID) throws {
        let scratch = try Scratch()
        let store = try make(scratch, id)
        try store.createTextIndex(on: ["title", "o.k"])
        let reader = try VectorStore<ID>.open(at: scratch.store, access: .readOnly)
        func expect(_ words: String, _ rows: [Int], _ what: Comment) throws {
            let expected = rows.map(id).sorted { SQLValue.idPrecedes($0.sqlValue, $1.sqlValue) }
            #expect(try ids(store, .words(words)) == expected, what)
            #expect(try ids(reader, .words(words)) == expected, what)
            #expect(try store.verify().isSound, what)
        }
        try store.put([1], for: id(200), metadataJSON: #"{"o":{"k":"kernel"},"title":5}"#)
        try expect("kernel", [4, 200], "put")
        try store.patchMetadataJSON(#"{"title":"kernel \u006Fne"}"#, for: id(5))
        try store.patchMetadataJSON(#"{"title":null}"#, for: id(4))
        try expect("kernel", [5, 200], "patched")
        try expect("proc", [], "patched")
        try expect("one", [5], "patched")
        try store.put([2], for: id(200), replacing: true)
        try expect("kernel", [5, 200], "replaced, its metadata kept")
        try store.put([2], for: id(200), replacing: true, oldMetadata: .drop)
        try expect("kernel", [5], "replaced, its metadata dropped")
        #expect(throws: CancellationError.self) {
            try store.write { batch in
                try batch.put([3], for: id(300), metadataJSON: #"{"title":"kernel"}"#)
                batch.delete(id(5))
                throw CancellationError()
            }
        }
        try expect("kernel", [5], "a batch that failed")
        try store.delete([id(5), id(0)])
        try expect("kernel one terminal", [], "deleted")
        try store.setMetadataJSON(#"{"title":"kernel"}"#, where: "id IN \([id(1), id(2)])")
        try store.compact(.rewrite)
        try store.erase([id(1)])
        try expect("kernel", [2], "rewritten and erased")
        try store.close()
        let again = try VectorStore<ID>.open(at: scratch.store)
        try again.put([1], for: id(400), metadataJSON: #"{"title":"kernel"}"#)
        #expect(try ids(again, .words("kernel")).count == 2)
        #expect(try again.verify().isSound)
    }

    @Test func everyWriteKeepsItByNumber() throws { try Self.checkEveryWrite { Int64($0) - 150 } }

    @Test func everyWriteKeepsItByText() throws { try Self.checkEveryWrite { "row \($0) é" } }

    static let changes = [
        "UPDATE metadata SET json = '{\"title\":\"another\"}' WHERE id = 'row 3'",
        "DELETE FROM metadata WHERE id = 'row 3'",
        "INSERT INTO metadata VALUES ('row 101', '{\"title\":\"another\"}', 0)",
        "INSERT INTO metadata_words (rowid, title) VALUES (77, 'another')",
        "INSERT INTO metadata_words (metadata_words, rowid, title) VALUES ('delete', 5, 'a kernel')",
        "INSERT INTO metadata_words (metadata_words, rowid, title) VALUES ('delete', 77, NULL)",
    ]

    /// Verification makes the index anew, and compares.
    @Test(arguments: changes) func aWrongIndexIsSeen(_ change: String) throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { "row \($0)" }
        try store.createTextIndex(on: ["title"])
        #expect(try store.verify().isSound)
        try store.close()
        try rawConnection(scratch.index).run(change)
        let reader = try VectorStore<String>.open(at: scratch.store, access: .readOnly)
        #expect(try reader.verify().indexMessages == ["the text index doesn't have the words of the metadata"])
    }

    /// Words of erased rows leave the files.
    @Test func erasedWordsAreGone() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { Int64($0) }
        try store.createTextIndex(on: ["title"])
        for row in 0..<40 {
            try store.put([1], for: Int64(1_000 + row), metadataJSON: #"{"title":"xylophone\#(row) quetzalcoatl"}"#)
        }
        try store.put([1], for: 5_000, metadataJSON: #"{"title":"quetzalcoatlus"}"#)
        func occurrences(_ word: String) throws -> Int {
            try scratch.contents().values.reduce(0) { $0 + $1.ranges(of: Data(word.utf8)).count }
        }
        #expect(try occurrences("xylophone") > 0)
        try store.delete((1_000..<1_020).map { Int64($0) })
        try store.erase((1_020..<1_040).map { Int64($0) })
        #expect(try Self.ids(store, .words("quetzalcoatl")) == [])
        #expect(try Self.ids(store, .words("quetzalcoatlus")) == [5_000])
        #expect(try occurrences("xylophone") == 0)
        #expect(try store.verify().isSound)
    }

    /// Words of a row that one transaction put and deleted, in a text index that has nothing else, leave the files too.
    @Test(arguments: TextTokenizer.allCases)
    func wordsThatWerePutAndDeletedAtOnceAreGone(_ tokenizer: TextTokenizer) throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        try store.createTextIndex(on: ["title"], tokenizer: tokenizer)
        try store.write { batch in
            try batch.put([1], for: 1, metadataJSON: #"{"title":"kept"}"#)
            try batch.put([1], for: .max, metadataJSON: #"{"title":"xylophone"}"#)
            batch.delete(.max)
        }
        try store.erase([2])
        let files = try scratch.contents()
        for word in ["xylophone", "xyl", "ylo", "pho"] {
            #expect(files.values.allSatisfy { $0.range(of: Data(word.utf8)) == nil }, "\(word) is left")
        }
        #expect(try Self.ids(store, .words("kept")) == [1])
        #expect(try store.verify().isSound)
    }

    /// Swift takes composed and decomposed texts for equal.
    @Test func anotherCompositionIsAnotherText() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1))
        try store.createTextIndex(on: ["title"], tokenizer: .trigram)
        let composed = "서울시"
        let decomposed = composed.decomposedStringWithCanonicalMapping
        try store.put([1], for: 1, metadataJSON: #"{"title":"\#(composed)"}"#)
        try store.setMetadataJSON(#"{"title":"\#(decomposed)"}"#, for: 1)
        let report = try store.verify()
        #expect(report.isSound, "\(report)")
        #expect(try Self.ids(store, .words(composed)) == [])
        #expect(try Self.ids(store, .words(decomposed)) == [1])
        try store.delete(1)
        #expect(try store.verify().isSound)
    }

    /// A field whose index might be taken for a table of the text index.
    @Test func aFieldOfThatName() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { Int64($0) }
        for key in ["words", "words_data", "metadata_words"] { try store.createMetadataIndex(on: key) }
        try store.createTextIndex(on: ["title", "words"])
        try store.close()
        let again = try VectorStore<Int64>.open(at: scratch.store)
        #expect(try again.indexes().count == 4)
        #expect(try Self.ids(again, .words("kernel")) == [4])
    }

    /// A writer whose SQLite has no FTS5 leaves the index stale, and one that has it makes it anew.
    @Test func withoutFTS5() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { Int64($0) }
        try store.createTextIndex(on: ["title"])
        try store.writing().settled { $0.index.knownFTS5 = false }
        try store.patchMetadataJSON(#"{"n":5}"#, for: 4)
        #expect(try Self.ids(store, .words("kernel")) == [4], "no text has changed")
        try store.patchMetadataJSON(#"{"title":"other"}"#, for: 4)
        expectError(.unsupported) { try Self.ids(store, .words("kernel")) }
        try store.delete(0)
        try store.close()
        let again = try VectorStore<Int64>.open(at: scratch.store)
        expectError(.unsupported) { try Self.ids(again, .words("kernel")) }
        // Texts that the index doesn't have are changed and deleted.
        try again.setMetadataJSON(#"{"title":"a text that is longer than all others"}"#, for: 1)
        try again.delete([1, 2])
        try again.put([1], for: 0, metadataJSON: #"{"title":"terminal"}"#)
        try again.createTextIndex(on: ["title"])
        #expect(try Self.ids(again, .words("kernel other terminal")) == [0, 4])
        #expect(try again.verify().isSound)
    }

    static let hostile = [
        "CREATE TABLE metadata_words (title)",
        "CREATE VIRTUAL TABLE metadata_words USING fts5(\"title\", content='metadata', tokenize='trigram')",
        "CREATE VIRTUAL TABLE metadata_words USING fts5(\"title\", \"rank2\" , content='', tokenize='trigram')",
        "CREATE VIEW metadata_words AS SELECT 1",
        "CREATE TABLE metadata_words_data (id INTEGER PRIMARY KEY, block AS (id))",
        "CREATE VIRTUAL TABLE metadata_words USING rtree(id, a, b)",
        "CREATE TABLE Metadata_Words_docsize (id INTEGER PRIMARY KEY, sz BLOB CHECK (hex(sz) <> ''))",
    ]

    @Test(arguments: hostile) func anotherTableOfItsNameIsRefused(_ sql: String) throws {
        let store = try SmallStore<Int64>(Array(0..<10))
        try tamper(store.scratch.index, sql)
        if sql.contains("VIEW") {
            #expect(try VectorStore<Int64>.open(at: store.scratch.store, access: .readOnly).indexes() == [])
        } else {
            expectError(.damaged) { try VectorStore<Int64>.open(at: store.scratch.store, access: .readOnly) }
            expectError(.damaged) { try VectorStore<Int64>.open(at: store.scratch.store) }
        }
    }

    /// An index that calls functions, on a table of FTS5, would run with each put.
    @Test func anIndexOnItsTablesIsRefused() throws {
        let scratch = try Scratch()
        let store = try Self.make(scratch) { Int64($0) }
        try store.createTextIndex(on: ["title"])
        try store.close()
        let shell = try Program.sqlite.run(
            [scratch.index],
            input: ".dbconfig defensive off\nCREATE INDEX i ON metadata_words_docsize (length(sz));\n"
        )
        #expect(shell.status == 0)
        expectError(.unsupported) { try VectorStore<Int64>.open(at: scratch.store) }
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        #expect(try Self.ids(reader, .words("kernel")) == [4])
    }
}
