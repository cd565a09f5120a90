import Foundation
import Lacuna

/// A store with ids of any type that `stages search` uses, open in a worker for reading only.
struct StoreReader {
    private typealias Search = (_ query: [Float], _ limit: Int) throws -> SearchAnswer

    private let answer: Search

    init(_ request: Request) throws {
        let path = try request.need(\.dir)
        switch VectorIDKind(rawValue: try request.need(\.kind)) {
        case .integer: answer = try Self.open(Int64.self, path)
        case .text: answer = try Self.open(String.self, path)
        case .uuid: answer = try Self.open(UUID.self, path)
        case nil: throw BadRequest(description: "there is no such kind of ids")
        }
    }

    private static func open<ID: SearchedID>(_: ID.Type, _ path: String) throws -> Search {
        let store = try VectorStore<ID>.open(at: path, access: .readOnly)
        return { query, limit in try store.answer(to: query, limit: limit) }
    }

    /// Searches with one query of a file. The time is that of the search alone.
    func search(_ request: Request) throws -> Reply {
        let number = try request.need(\.lo)
        let query = try RawFile.vectors(request.need(\.queries), number..<number + 1, request.need(\.dim))[0]
        let answer = try answer(query, request.need(\.k))
        return Reply(count: 1, seconds: answer.seconds, rows: answer.rows, distances: answer.distances)
    }
}
