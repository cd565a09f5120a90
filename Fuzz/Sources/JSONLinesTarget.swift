import Foundation
import Lacuna
import LacunaFormats
import TestSupport

/// A JSON Lines file: objects must keep their text exactly, also when an id is added and removed, and must be JSON to
/// SQLite as well.
struct JSONLinesTarget: Target {
    static func seeds() throws -> [[UInt8]] {
        let sample = try Scratch.read("Examples/packages/sample.jsonl").split(separator: 0x0A).prefix(3)
        return [
            Array(sample.joined(separator: [0x0A])),
            Array(
                #"{"id": 5, "vector": [1, -2.5e-3, 0.1E+2], "metadata": {"a": [true, null, {"b": "\u00e9\n"}]}}"#.utf8
            ),
            Array("{\"id\":\"\\ud83d\\ude00\"}\r\n{ }\n{\"id\" : -9223372036854775808 ,\"x\":1}\n".utf8),
            [0xEF, 0xBB, 0xBF] + Array("{\"\\u0069d\":1,\t\"é\":\"e\u{301}\"}\n\n".utf8),
        ]
    }

    private let path = Scratch.file("in.jsonl")
    private let copy = Scratch.file("copy.jsonl")
    private let sqlite: Connection

    init() throws { sqlite = try Connection(Scratch.file("json.sqlite"), .create) }

    func run(_ input: [UInt8]) throws {
        try Scratch.write(input, to: path)
        guard let objects = try worksOrRefuses({ try read(path) }) else { return }
        try expect(objects.count <= input.count, "\(objects.count) objects in \(input.count) bytes")
        try expect(try LineReader.countLines(path: path) == objects.count, "counted otherwise")
        for object in objects { try check(object) }
        let writer = try LineWriter(path: copy)
        for object in objects { try writer.append(JSONObject.singleLine(object.text)) }
        _ = try writer.finish()
        let again = try read(copy).map(\.text)
        try expect(again == objects.map { JSONObject.singleLine($0.text) }, "written otherwise")
    }

    private func read(_ path: String) throws -> [JSONObject] {
        let reader = try JSONLinesReader(path: path)
        var objects: [JSONObject] = []
        while let object = try reader.next() { objects.append(object) }
        return objects
    }

    private func check(_ object: JSONObject) throws {
        try expect(try isJSON(object.text), "SQLite refuses \(object.text)")
        for member in object.members {
            try expect(try isJSON(member.rawValue), "SQLite refuses \(member.rawValue)")
            if let components = try worksOrRefuses({ try floats(fromJSONArray: member.rawValue) }) {
                let again = try floats(fromJSONArray: try jsonArray(of: components))
                try expect(again.bitPatterns == components.bitPatterns, "\(member.rawValue) becomes \(again)")
            }
        }
        guard let id = try object.member(named: "id") else { return }
        let metadata = try object.removing("id")
        try expect(try isJSON(metadata), "SQLite refuses \(metadata) without its id")
        guard let scalar = try worksOrRefuses({ try JSONScalar(parsing: id.rawValue) }) else { return }
        try expect(try JSONScalar(parsing: scalar.jsonText) == scalar, "\(id.rawValue) becomes \(scalar.jsonText)")
        let flat = try JSONObject(try JSONObject.flatObject(idText: id.rawValue, metadata: metadata))
        let back = try flat.removing("id")
        try expect(Array(back.utf8) == Array(JSONObject.singleLine(metadata).utf8), "\(metadata) becomes \(back)")
    }

    private func isJSON(_ text: String) throws -> Bool {
        var answer = SQLValue.null
        try sqlite.forEach("SELECT json_valid(?)", [.text(text)]) { row throws(VectorStoreError) in
            answer = try row.value(0)
        }
        return answer == 1
    }
}
