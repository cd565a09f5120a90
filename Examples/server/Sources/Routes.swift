import Foundation
import Hummingbird
import Lacuna

/// The routes: `PUT /rows/ID`, `DELETE /rows/ID`, `POST /search`, `GET /health`, `GET /statistics`.
struct Routes: Sendable {
    let store: VectorStore<String>

    struct Row: Decodable {
        let vector: [Float]
        /// Any JSON object.
        let metadata: [String: JSONValue]?
    }

    struct Question: Decodable {
        let vector: [Float]
        let limit: Int?
        /// A filter in JSON, as in `{"section": "science"}`.
        let filter: [String: JSONValue]?
    }

    struct Hit: ResponseEncodable {
        let id: String
        let distance: Double
    }

    struct Statistics: ResponseEncodable {
        let rows: Int
        let fragmentation: Double
        /// What this process has done.
        let handle: StoreStatistics
    }

    func router() -> Router<BasicRequestContext> {
        let router = Router()
        router.addMiddleware { StoreErrors() }
        router.put("rows/{id}") { request, context -> HTTPResponse.Status in
            let row = try await request.decode(as: Row.self, context: context)
            let id = try context.parameters.require("id")
            try await store.put(row.vector, for: id, metadata: row.metadata ?? [:], replacing: true)
            return .noContent
        }
        router.delete("rows/{id}") { _, context -> HTTPResponse.Status in
            try await store.delete(try context.parameters.require("id")) ? .noContent : .notFound
        }
        router.post("search") { request, context -> [Hit] in
            let question = try await request.decode(as: Question.self, context: context)
            let filter = try question.filter.map {
                try Filter(json: String(decoding: JSONEncoder().encode($0), as: UTF8.self))
            }
            let matches = try await store.search(for: question.vector, limit: question.limit ?? 10, where: filter)
            return matches.map { Hit(id: $0.id, distance: $0.distance) }
        }
        router.get("health") { _, _ -> HTTPResponse.Status in
            _ = try await store.contains("")
            return .ok
        }
        router.get("statistics") { _, _ -> Statistics in
            let handle = try store.statistics
            return try await store.read { snapshot in
                Statistics(rows: snapshot.count, fragmentation: snapshot.fragmentation, handle: handle)
            }
        }
        return router
    }
}

/// Answers an error of the store with a status that says whose fault it is.
private struct StoreErrors: RouterMiddleware {
    func handle(
        _ request: Request,
        context: BasicRequestContext,
        next: (Request, BasicRequestContext) async throws -> Response
    ) async throws -> Response {
        do { return try await next(request, context) } catch let error as VectorStoreError {
            let status: HTTPResponse.Status
            switch error.code {
            case .invalidVector, .invalidFilter, .invalidMetadata, .invalidArgument, .invalidID: status = .badRequest
            case .readOnly: status = .forbidden
            case .busy, .suspended: status = .serviceUnavailable
            default: status = .internalServerError
            }
            throw HTTPError(status, message: error.description)
        }
    }
}

/// Any value of JSON.
enum JSONValue: Codable, Sendable {
    case null, bool(Bool), number(Double), text(String), list([JSONValue]), object([String: JSONValue])

    init(from decoder: any Decoder) throws {
        let value = try decoder.singleValueContainer()
        if value.decodeNil() { self = .null }
        else if let bool = try? value.decode(Bool.self) { self = .bool(bool) }
        else if let number = try? value.decode(Double.self) { self = .number(number) }
        else if let text = try? value.decode(String.self) { self = .text(text) }
        else if let list = try? value.decode([JSONValue].self) { self = .list(list) }
        else { self = .object(try value.decode([String: JSONValue].self)) }
    }

    func encode(to encoder: any Encoder) throws {
        var value = encoder.singleValueContainer()
        switch self {
        case .null: try value.encodeNil()
        case .bool(let bool): try value.encode(bool)
        case .number(let number): try value.encode(number)
        case .text(let text): try value.encode(text)
        case .list(let list): try value.encode(list)
        case .object(let object): try value.encode(object)
        }
    }
}
