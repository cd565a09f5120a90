import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// The text of a cursor leads back to the same cursor; any other text is refused.
@Suite struct SearchCursorTests {
    private static let ids: [SQLValue] = [
        .integer(0), .integer(.min), .integer(.max), .integer(-5), .text(""), .text("é"), .text("e\u{301}"),
        .text("a b\n\"\\"), .text(String(repeating: "x", count: 300)),
        .text("0b1ce7a4-6b5a-4f0e-8d0e-9a3d0b3b9f11"),
    ]
    private static let distances: [Double] = [0, -0.0, 0.1, -1e300, .leastNonzeroMagnitude, 2, .infinity]
    private static let store = [UInt8](1...16)

    @Test func theTextLeadsBack() throws {
        for id in Self.ids {
            for distance in Self.distances {
                let cursor = SearchCursor(Self.store, .init(distance: distance, id: id))
                let text = cursor.description
                #expect(text.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") })
                #expect(text.first?.isLetter == true)
                let json = String(decoding: try JSONEncoder().encode([cursor]), as: UTF8.self)
                #expect(json == "[\"\(text)\"]")
                let decoded = try JSONDecoder().decode([SearchCursor].self, from: Data(json.utf8))[0]
                for read in [try SearchCursor(text), decoded] {
                    #expect(read.store == Self.store)
                    #expect(read.rank.id.isSameID(as: id))
                    #expect(read.rank.distance.bitPattern == distance.bitPattern)
                }
            }
        }
    }

    @Test func otherTextsAreRefused() throws {
        let text = SearchCursor(Self.store, .init(distance: 0.25, id: .text("id"))).description
        var wrong = ["", "A", "cursor", "é", text + "=", text + "A", " " + text, text + "\n", String(text.dropLast())]
        for (place, character) in text.enumerated() {
            var changed = Array(text)
            changed[place] = character == "B" ? "C" : "B"
            wrong.append(String(changed))
            wrong.append(String(text.prefix(place)))
        }
        for text in wrong { expectError(.invalidArgument, text) { try SearchCursor(text) } }
        let nan = SearchCursor(Self.store, .init(distance: .nan, id: .integer(1))).description
        expectError(.invalidArgument) { try SearchCursor(nan) }
        #expect(throws: VectorStoreError.self) { try JSONDecoder().decode(SearchCursor.self, from: Data("\"x\"".utf8)) }
    }

    @Test("a cursor of a text isn't one of a store of integers")
    func anotherKindOfID() throws {
        let scratch = try Scratch()
        let store = try VectorStore<Int64>.create(at: scratch.store, configuration: .init(dimension: 1, metric: .dot))
        let uuid = try store.read { $0.snapshot.record.uuidBytes }
        let cursor = SearchCursor(uuid, .init(distance: 1, id: .text("1")))
        expectError(.invalidArgument) { try store.search(for: [1], limit: 1, options: .init(after: cursor)) }
    }
}
