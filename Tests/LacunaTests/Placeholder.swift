import Testing
@testable import Lacuna
#if canImport(FoundationEssentials)
import FoundationEssentials
#endif
struct Photo: Codable, Sendable { var year: Int; var name: String }

@Suite struct Smoke {
    @Test func endToEnd() throws {
        let path = "/tmp/smoke-\(UInt64.random(in: 0 ... .max)).lacuna"
        let store = try VectorStore<UUID>.create(at: path, .init(dimension: 8, metric: .cosine))
        let ids = (0..<1000).map { _ in UUID() }
        try store.write { batch in
            for (i, id) in ids.enumerated() {
                try batch.put((0..<8).map { Float(($0 * 7 + i * 3) % 11) + 0.5 }, for: id, metadata: Photo(year: 2000 + i % 30, name: "n\(i)"))
            }
            batch.delete(ids[3])
        }
        #expect(try store.count == 999)
        #expect(try store.vector(for: ids[3]) == nil)
        #expect(try store.vector(for: ids[4])?.count == 8)
        let m = try store.search(for: [1, 2, 3, 4, 5, 6, 7, 8], limit: 5, where: "metadata ->> 'year' >= ?", [2020])
        #expect(m.count == 5)
        for id in ids[10..<600] { try store.delete(id) }
        print(try store.space, try store.compactionPlan())
        let r = try store.compact(.rewrite)
        print(r)
        #expect(try store.verify().isSound)
        print(try store.verify())
        let photo = try store.metadata(for: ids[900], as: Photo.self)
        #expect(photo?.name == "n900")
        #expect(throws: VectorStoreError.self) { try store.withVector(for: ids[900]) { _ in try store.compact() } }
        try store.delete(Array(ids[700..<800]))
        print(try store.punchHoles())
        try store.close()
        let again = try VectorStore<UUID>.open(at: path)
        #expect(try again.ids().count == 309)
        print(try VectorStoreInfo.read(at: path))
        for bad in ["1) UNION SELECT 1 --", "id IN (SELECT id FROM vectors)", "load_extension('x')", "row_offset = 3", "\"nope\" = 1", "1; DELETE FROM store", "metadata ->> '$[' = 1", "(SELECT count(*) FROM sqlite_schema)", "1 --", "EXISTS (SELECT 1 FROM json_each(metadata) WHERE value = 2003)", "pragma_table_info('x')", "id in (select 1 from pragma_user_version)", "(WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c) SELECT count(*) FROM c) > 1", "lacuna_row.id = 1", "rowid = 1"] {
            do { print(bad, try again.search(for: [1, 2, 3, 4, 5, 6, 7, 8], limit: 2, where: bad).count) } catch { print(bad, error) }
        }
    }
}
