import Foundation
import Testing

@testable import Lacuna

private struct Change: Encodable, Sendable {
    var year: Int?
    var tags: [String]?
}

/// Setting, patching and removing metadata alone, of one row or of all that pass a filter.
@Suite struct MetadataEditTests {
    let scratch: Scratch
    let store: VectorStore<Int64>
    private var model = StoreModel<Int64>()

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 1))
        for id in Int64(1)...6 {
            // Row 6 has none.
            let json = id == 6 ? nil : #"{ "n": \#(id),"kept":1e2}"#
            try store.put([Float(id)], for: id, metadataJSON: json)
            model.put([Float(id)], for: id, json: json)
        }
    }

    private func expect(_ changed: [Int64: String?] = [:], at here: SourceLocation = #_sourceLocation) throws {
        var model = model
        for (id, json) in changed { model.setMetadata(json, for: id) }
        try expectSame(store, model, scratch.store, sourceLocation: here)
    }

    // MARK: One row

    @Test func patches() throws {
        try store.patchMetadataJSON(#"{"n":null,"new":[null]}"#, for: 1)
        try store.patchMetadata(["n": 20, "kept": nil as Int?], for: 2)
        // An optional of a structure that is nil isn't in its JSON.
        try store.patchMetadata(Change(year: 1999), for: 3)
        try store.write { batch in
            try batch.patchMetadataJSON(#"{"a":{"b":1}}"#, for: 4)
            try batch.patchMetadata(["a": ["c": 2]], for: 4)
            try batch.patchMetadataJSON("{}", for: 6)
        }
        try expect([
            1: #"{"kept":1e2,"new":[null]}"#, 2: #"{ "n": 20}"#, 3: #"{ "n": 3,"kept":1e2,"year":1999}"#,
            4: #"{ "n": 4,"kept":1e2,"a":{"b":1,"c":2}}"#, 6: "{}",
        ])
    }

    @Test func removals() throws {
        try store.removeMetadata(for: 1)
        try store.removeMetadata(for: 6)
        try store.write { batch in try batch.removeMetadata(for: 2) }
        try store.patchMetadataJSON(#"{"n":null,"kept":null}"#, for: 3)
        try expect([1: nil, 2: nil, 3: "{}"])
        try store.patchMetadataJSON(#"{"n":1}"#, for: 1)
        try expect([1: #"{"n":1}"#, 2: nil, 3: "{}"])
    }

    /// A refused patch names no id, since it would be refused for any.
    @Test(arguments: [
        "", "{", "[]", "null", "1", #""text""#, "[{}]", #"{"a":1,"a":2}"#, #"{"a":{"b":1,"\u0062":null}}"#,
        #"{"id":1}"#, #"{"id":null}"#, #"{"i\u0064":{}}"#, #"{"a":01}"#, "{}\0",
    ])
    func badPatchesAreRefused(_ patch: String) throws {
        for edit: () throws -> Void in [
            { try store.patchMetadataJSON(patch, for: 1) }, { try store.patchMetadataJSON(patch, for: 99) },
            { try store.patchMetadataJSON(patch, where: "id > 0") },
            { try store.patchMetadataJSON(patch, where: "id < 0") },
            { _ = try store.write { try $0.patchMetadataJSON(patch, where: "id = 1") } },
        ] {
            #expect(expectError(.invalidMetadata, patch, edit)?.ids == [])
        }
        expectError(.invalidMetadata) { try store.setMetadataJSON(patch, where: "id < 0") }
        try expect()
    }

    @Test func unknownIDs() throws {
        for edit: (borrowing WriteBatch<Int64>) throws -> Void in [
            { try $0.patchMetadataJSON("{}", for: 9) }, { try $0.patchMetadata(["a": 1], for: 9) },
            { try $0.removeMetadata(for: 9) },
        ] {
            let error = expectError(.unknownID) {
                try store.write { batch in
                    try batch.patchMetadataJSON(#"{"lost":true}"#, for: 1)
                    try? edit(batch)
                }
            }
            #expect(error?.ids == ["9"])
        }
        expectError(.unknownID) { try store.patchMetadataJSON("{}", for: 9) }
        expectError(.unknownID) { try store.removeMetadata(for: 9) }
        expectError(.invalidMetadata) { try store.patchMetadata([1], for: 1) }
        try expect()
        #expect(try rawConnection(scratch.index).value("SELECT count(*) FROM metadata") == 5)
    }

    /// Metadata that another program wrote, with a right checksum, may be anything.
    @Test(arguments: ["{", "[]", #"{"a":1,"a":2}"#, #"{"id":1}"#])
    func metadataOfAnotherProgram(_ json: String) throws {
        let checksum = StoreIndex.checksum(of: json, for: .integer(2))
        try rawConnection(scratch.index).run(
            "UPDATE metadata SET json = ?, checksum = ? WHERE id = 2",
            [.text(json), .integer(Int64(checksum))]
        )
        #expect(expectError(.invalidMetadata) { try store.patchMetadataJSON("{}", for: 2) }?.ids == ["2"])
        let error = expectError(.invalidMetadata) { try store.patchMetadataJSON(#"{"x":1}"#, where: "id < 4") }
        #expect(error?.ids == ["2"])
        try expect([2: json])
        try store.setMetadataJSON("{}", for: 2)
        try store.patchMetadataJSON(#"{"x":1}"#, for: 2)
        try expect([2: #"{"x":1}"#])
    }

    @Test func rottenMetadata() throws {
        try tamper(scratch.index, #"UPDATE metadata SET json = '{"n":7}' WHERE id = 2"#)
        #expect(expectError(.damaged) { try store.patchMetadataJSON("{}", for: 2) }?.ids == ["2"])
        #expect(expectError(.damaged) { try store.patchMetadataJSON("{}", where: "id < 4") }?.ids == ["2"])
        #expect(try store.metadataJSON(for: 1) == #"{ "n": 1,"kept":1e2}"#)
        // Setting and removing don't read what was there.
        try store.setMetadataJSON(#"{"n":8}"#, for: 2)
        try expect([2: #"{"n":8}"#])
    }

    // MARK: All that pass a filter

    @Test func changesByAFilter() throws {
        #expect(try store.patchMetadataJSON(#"{"n":0}"#, where: "metadata ->> 'n' > \(3)") == 2)
        #expect(try store.patchMetadata(["new": true], where: "metadata IS NULL") == 1)
        #expect(try store.setMetadata(["x": 1], where: "id = 1") == 1)
        #expect(try store.setMetadataJSON("{ }", where: "id = \(2)") == 1)
        #expect(try store.removeMetadata(where: "id = 3") == 1)
        #expect(try store.patchMetadataJSON(#"{"n":9}"#, where: "id > 100") == 0)
        try expect([
            1: #"{"x":1}"#, 2: "{ }", 3: nil, 4: #"{ "n": 0,"kept":1e2}"#, 5: #"{ "n": 0,"kept":1e2}"#,
            6: #"{"new":true}"#,
        ])
    }

    /// A change may make other rows pass, or the same one again: each that passed before is changed once.
    /// Each call that changes something is one commit.
    @Test func theFilterIsEvaluatedBeforeTheFirstChange() throws {
        let before = try store.readers.read { $0.record.commitSequence }
        #expect(try store.patchMetadataJSON(#"{"n":6}"#, where: "metadata ->> 'n' IN (5, 6)") == 1)
        let filter: Filter = "NOT EXISTS (SELECT 1 FROM json_each(metadata) WHERE key = 'n' AND value = 1)"
        #expect(try store.patchMetadataJSON(#"{"n":1}"#, where: filter) == 5)
        #expect(try store.patchMetadataJSON(#"{"n":1}"#, where: filter) == 0)
        #expect(try store.readers.read { $0.record.commitSequence } == before + 2)
    }

    /// A batch's filter sees the changes that the batch has made so far.
    @Test func aFilterInABatchSeesTheBatch() throws {
        try store.write { batch in
            try batch.put([7], for: 7, metadataJSON: #"{"n":7}"#)
            batch.delete(1)
            try batch.setMetadataJSON(#"{"n":8}"#, for: 2)
            try batch.put([30], for: 3, replacing: true)
            #expect(try batch.patchMetadataJSON(#"{"seen":1}"#, where: "metadata ->> 'n' IN (1, 2, 3, 7, 8)") == 3)
            #expect(try batch.patchMetadataJSON(#"{"n":null}"#, where: "metadata ->> 'seen' AND id = 7") == 1)
            #expect(try batch.removeMetadata(where: "id = 4") == 1)
            #expect(try batch.setMetadata(["n": 50], where: "id = 5") == 1)
            #expect(try batch.setMetadataJSON("{}", where: "id = 6") == 1)
            #expect(try batch.patchMetadata(["n": 6], where: "id = 6") == 1)
        }
        var model = model
        model.delete(1)
        model.put([7], for: 7, json: #"{"seen":1}"#)
        model.put([30], for: 3, json: #"{ "n": 3,"kept":1e2,"seen":1}"#)
        for (id, json) in [2: #"{"n":8,"seen":1}"#, 4: nil, 5: #"{"n":50}"#, 6: #"{"n":6}"#] as [Int64: String?] {
            model.setMetadata(json, for: id)
        }
        try expectSame(store, model, scratch.store)
    }

    @Test func aFilterThatIsRefused() throws {
        for filter: Filter in ["nonsense", "id IN (SELECT id FROM vectors)", "metadata -> '$['", "id = ?"] {
            expectError(.invalidFilter, "\(filter)") { try store.patchMetadataJSON(#"{"x":1}"#, where: filter) }
            expectError(.invalidFilter, "\(filter)") {
                try store.write { batch in
                    try batch.put([8], for: 8)
                    _ = try? batch.removeMetadata(where: filter)
                }
            }
        }
        try expect()
        // The limits for filters are gone.
        try store.setMetadataJSON("{\"a\":\"" + String(repeating: "x", count: 5 << 20) + "\"}", for: 1)
    }

    @Test func cancelling() throws {
        let asked = Guarded(0)
        try store.close()
        let store = try VectorStore<Int64>.open(
            at: scratch.store,
            options: VectorStoreOptions(
                shouldCancel: {
                    asked.withLock { asked in
                        asked += 1
                        return asked == 3
                    }
                }
            )
        )
        expectError(.cancelled) { try store.patchMetadataJSON(#"{"x":1}"#, where: "id > 0") }
        #expect(asked.withLock { $0 } == 3)
        try expectSame(store, model, scratch.store)
        #expect(try store.patchMetadataJSON(#"{"n":1}"#, where: "id = 1") == 1)
    }

    @Test func aReaderSeesTheStateBefore() throws {
        let reader = try VectorStore<Int64>.open(at: scratch.store, access: .readOnly)
        try reader.read { snapshot in
            try store.patchMetadataJSON(#"{"n":0}"#, where: "true")
            #expect(try snapshot.metadataJSON(for: 1) == #"{ "n": 1,"kept":1e2}"#)
        }
        #expect(try reader.search(for: [1], limit: 9, where: "metadata ->> 'n' = 0").count == 6)
        expectError(.readOnly) { try reader.patchMetadataJSON("{}", where: "true") }
    }

    // MARK: Replacing

    @Test func aReplacedRowKeepsItsMetadata() throws {
        var model = model
        try store.put([10], for: 1, replacing: true)
        model.put([10], for: 1, json: #"{ "n": 1,"kept":1e2}"#)
        try store.put([20], for: 2, replacing: true, oldMetadata: .drop)
        model.put([20], for: 2, json: nil)
        try store.put([30], for: 3, metadataJSON: "{}", replacing: true)
        model.put([30], for: 3, json: "{}")
        try store.put([40], for: 4, metadataJSON: "{ }", replacing: true, oldMetadata: .drop)
        model.put([40], for: 4, json: "{ }")
        try store.put([70], for: 7, replacing: true, oldMetadata: .drop)
        model.put([70], for: 7, json: nil)
        try expectSame(store, model, scratch.store)
        try store.write { batch in
            try batch.put([50], for: 5, replacing: true)
            try batch.put([51], for: 5, replacing: true)
            try batch.put([60], for: 6, replacing: true)
            // The row that is put after a delete replaces none.
            batch.delete(1)
            try batch.put([11], for: 1, replacing: true)
            try batch.put([31].span, for: 3, replacing: true, oldMetadata: .drop)
        }
        model.put([50], for: 5, json: nil)
        model.put([51], for: 5, json: #"{ "n": 5,"kept":1e2}"#)
        model.put([60], for: 6, json: nil)
        model.put([11], for: 1, json: nil)
        model.put([31], for: 3, json: nil)
        try expectSame(store, model, scratch.store)
        #expect(try store.search(for: [1], limit: 9, where: "metadata ->> 'n' = 5").map(\.id) == [5])
        try store.compact(.rewrite)
        model.rewrite()
        try expectSame(store, model, scratch.store)
    }
}
