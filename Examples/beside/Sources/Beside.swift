import Foundation
import GRDB
import Lacuna
import NIOCore
import NIOPosix

/// Lacuna beside GRDB and SwiftNIO in one program: an app's own tables in GRDB, the embeddings of their rows in a store,
/// by the same ids. Both use the system's SQLite library; a second SQLite library in one process must not open the same
/// files, since each would drop the other's locks.
@main
struct Beside {
    struct Article: Codable, FetchableRecord, PersistableRecord {
        var id: Int64
        var title: String
    }

    static func main() async throws {
        let folder = URL.temporaryDirectory.appending(path: "beside-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let database = try DatabaseQueue(path: folder.appending(path: "app.sqlite").path(percentEncoded: false))
        let store = try await VectorStore<Int64>.openOrCreate(
            at: folder.appending(path: "articles.lacuna"),
            configuration: .init(dimension: 3)
        )
        let articles = [
            Article(id: 1, title: "On harbours"), Article(id: 2, title: "On lakes"), Article(id: 3, title: "On deserts"),
        ]
        try await database.write { db in
            try db.create(table: "article") { table in
                table.primaryKey("id", .integer)
                table.column("title", .text).notNull()
            }
            for article in articles { try article.insert(db) }
        }
        // The row first, then its vector: a vector without a row is never shown, and the next run can put it again.
        let vectors: [[Float]] = [[1, 0, 0], [0.9, 0.1, 0], [0, 0, 1]]
        try await store.write { batch in
            for (article, vector) in zip(articles, vectors) { try batch.put(vector, for: article.id) }
        }
        let nearest = try await search([1, 0, 0], store, on: MultiThreadedEventLoopGroup.singleton.next())
        let titles = try await database.read { db in
            try nearest.compactMap { try Article.fetchOne(db, key: $0)?.title }
        }
        print(titles.joined(separator: ", "))
        try await store.close()
    }

    /// Answers on an event loop, which a search doesn't block.
    private static func search(
        _ query: [Float],
        _ store: VectorStore<Int64>,
        on loop: any EventLoop
    ) async throws -> [Int64] {
        try await loop.makeFutureWithTask { try await store.search(for: query, limit: 2).map(\.id) }.get()
    }
}
