import Testing

@testable import Lacuna

/// One call on a small store with gaps, which is interrupted or made to fail.
enum Scenario: String, CaseIterable, Sendable {
    case put, replace, delete, metadata, index, textIndex, rewrite, inPlace, punch, erase, reembed

    /// The ids that `delete` and `erase` take.
    static let deleted: [Int64] = [1, 2, 4]

    var isCompaction: Bool { [.rewrite, .inPlace, .punch, .reembed].contains(self) }

    /// The store before the call: 24 rows, every third of them dead, and a gap of several dead rows.
    static func prepare(
        _ disk: TestDisk,
        _ fileSystem: FaultyFileSystem? = nil,
        dimension: Int
    ) throws -> (VectorStore<Int64>, CrashModel) {
        let fileSystem = fileSystem ?? disk.fileSystem
        var model = CrashModel()
        let store = try VectorStore<Int64>.create(
            at: disk.directory,
            configuration: .init(dimension: dimension, metric: .dot),
            fileSystem: fileSystem
        )
        try store.write { batch in
            for id in Int64(1)...24 {
                let vector = CrashModel.vector(id, version: 0, dimension: dimension)
                model.put(id, vector, "{\"name\":\"row \(id)\"}")
                try batch.put(vector, for: id, metadataJSON: "{\"name\":\"row \(id)\"}")
            }
        }
        let dead = Int64(1)...24
        let ids = dead.filter { $0 % 3 == 0 || (10...15).contains($0) }
        for id in ids { model.rows[id] = nil }
        try store.delete(ids)
        return (store, model)
    }

    /// The contents of the store after the call.
    func result(_ before: CrashModel, dimension: Int) -> CrashModel {
        var after = before
        switch self {
        case .put:
            for id in Int64(100)..<104 {
                after.put(id, CrashModel.vector(id, version: 1, dimension: dimension), "{\"new\":\(id)}")
            }
        case .replace: after.replace(7, CrashModel.vector(7, version: 1, dimension: dimension), nil, .keep)
        case .delete, .erase: for id in Self.deleted { after.rows[id] = nil }
        case .metadata:
            after.rows[5]?.metadata = "{\"changed\":true}"
            after.rows[8]?.metadata = nil
            for id in after.ids where (16...24).contains(id) {
                after.rows[id]?.metadata = "{\"name\":\"row \(id)\",\"patched\":true}"
            }
        case .reembed: after = before.reembedded(to: dimension)
        case .index, .textIndex: after.indexes = ["name"]
        case .rewrite, .inPlace, .punch: break
        }
        return after
    }

    func call(_ store: VectorStore<Int64>, dimension: Int) throws {
        switch self {
        case .put:
            try store.write { batch in
                for id in Int64(100)..<104 {
                    try batch.put(
                        CrashModel.vector(id, version: 1, dimension: dimension),
                        for: id,
                        metadataJSON: "{\"new\":\(id)}"
                    )
                }
            }
        case .replace: try store.put(CrashModel.vector(7, version: 1, dimension: dimension), for: 7, replacing: true)
        case .delete: try store.delete(Self.deleted)
        case .erase: try store.erase(Self.deleted)
        case .metadata:
            try store.write { batch in
                try batch.setMetadataJSON("{\"changed\":true}", for: 5)
                try batch.removeMetadata(for: 8)
                try batch.patchMetadataJSON("{\"patched\":true}", where: "id BETWEEN 16 AND 24")
            }
        case .index: try store.createMetadataIndex(on: "name")
        case .textIndex: try store.createTextIndex(on: ["name"])
        case .rewrite: try store.compact(.rewrite, .small(rows: 5, dimension: dimension))
        case .inPlace: try store.compact(.inPlace, .small(rows: 3, dimension: dimension))
        case .punch: try store.compact(.punch)
        case .reembed:
            try store.reembed(dimension, nil, Pace { _ in }, .small(rows: 5, dimension: dimension)) { _, _, old in
                old.map { CrashModel.reembedded($0, to: dimension) }
            }
        }
    }
}
