import Foundation
import Lacuna

/// Edits the bytes of a small store: each use of it must work or be refused, and must never return a row as sound that
/// was not put.
struct StoreTarget: Target {
    /// The bytes of input are: which store, how to use it, then edits (``Edits``).
    static func seeds() -> [[UInt8]] {
        let page: [UInt8] = [0, 16, 0]
        return [
            [0, 0], [1, 1], [2, 2],
            [0, 3, 1, 1] + page + [0x55], [0, 1, 0, 1, 0, 16, 8, 1], [1, 0, 2, 1, 40, 0, 0, 0xFF],
            [1, 2, 2, 2, 0, 32, 0],
            [2, 1, 0, 2, 16, 16, 0], [0, 0, 1, 3], [1, 3, 2, 3], [0, 2, 1, 4, 0, 16, 0, 0, 32, 0, 0, 16],
            [0, 1, 1, 5, 1],
            [1, 1, 0, 5, 2], [2, 0, 1, 6, 0, 48, 0, 0, 16], [0, 0, 0, 7, 9, 0], [0, 2, 1, 0, 18, 0, 0, 4, 2, 2, 9, 9],
        ]
    }

    private let bases: [BaseStore]
    private let history = StoreHistory()
    private let path = Scratch.file("store.lacuna")

    init() throws { bases = try BaseStore.makeAll(history) }

    func run(_ input: [UInt8]) throws {
        var bytes = InputBytes(input)
        let base = bases[bytes.byte() % bases.count]
        let use = bytes.byte()
        let files = Edits(bases).applied(to: base, &bytes)
        try? FileManager.default.removeItem(atPath: path)
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        for (name, contents) in files { try Scratch.write(contents, to: "\(path)/\(name)") }
        try worksOrRefuses { _ = try VectorStoreInfo.read(at: path) }
        try worksOrRefuses { _ = try VectorStoreRecovery.recover(at: path, dryRun: true) }
        try worksOrRefuses { try read(try .open(at: path, access: .readOnly)) }
        try worksOrRefuses { try write(try .open(at: path), use) }
        try worksOrRefuses { _ = try VectorStoreRecovery.recover(at: path) }
        try worksOrRefuses { try read(try .open(at: path, access: .readOnly)) }
    }

    /// The ids of a store; nil if it isn't sound.
    @discardableResult
    private func read(_ store: VectorStore<Int64>) throws -> [Int64]? {
        let isSound = try worksOrRefuses { try store.verify() }.map { $0.isSound } ?? false
        var ids: [Int64] = []
        let isReadable =
            try worksOrRefuses {
                try store.forEach { row in
                    ids.append(row.id)
                    // The row was checked against its checksum, so it must be right, whether the store is sound or not.
                    try expect(history.wasPut(row.vector, for: row.id), "row \(row.id) was never put: \(row.vector)")
                    let isRight = history.wasPut(metadata: row.metadataJSON, for: row.id)
                    try expect(
                        isRight || !isSound,
                        "metadata of \(row.id) were never put: \(row.metadataJSON ?? "none")"
                    )
                }
            } != nil
        try expect(isReadable || !isSound, "a sound store can't be read")
        try worksOrRefuses { _ = try store.ids() }
        try worksOrRefuses { _ = try store.space }
        try worksOrRefuses { _ = try store.compactionPlan() }
        for id in StoreHistory.ids.prefix(5) {
            let row = try worksOrRefuses { try store.vector(for: id) } ?? nil
            try expect(!isSound || row.map { history.wasPut($0, for: id) } ?? true, "row \(id) by its id")
            try worksOrRefuses { _ = try store.metadataJSON(for: id) }
        }
        let query = history.vector(3, version: 0)
        try worksOrRefuses { _ = try store.search(for: query, limit: 5, options: .init(threads: 1)) }
        try worksOrRefuses {
            _ = try store.search(for: query, limit: 5, where: "metadata ->> 'n' > \(3)", options: .init(threads: 1))
        }
        return isSound ? ids : nil
    }

    /// Writes to a sound store, which must stay sound and have the right rows then.
    private func write(_ store: VectorStore<Int64>, _ use: Int) throws {
        var ids = try read(store).map(Set.init)
        let new = StoreHistory.newID
        if try worksOrRefuses({ try store.put(history.vector(new, version: 0), for: new, replacing: true) }) != nil {
            ids?.insert(new)
        }
        if try worksOrRefuses({ try store.delete([4, 5, 6]) }) != nil { ids?.subtract([4, 5, 6]) }
        try worksOrRefuses { try store.setMetadataJSON(history.metadata(8, version: 1), for: 8) }
        switch use % 4 {
        case 0: try worksOrRefuses { try store.compact(.rewrite) }
        case 1: try worksOrRefuses { try store.compact(.inPlace) }
        case 2: try worksOrRefuses { try store.compact(.punch) }
        default:
            // If it fails, the row may be there or not.
            if try worksOrRefuses({ try store.erase([9]) }) == nil { return }
            ids?.remove(9)
        }
        if let ids {
            let after = try read(store)
            try expect(after.map(Set.init) == ids, "rows \(ids.sorted()) became \(after ?? [])")
        }
        try worksOrRefuses { try store.close() }
    }
}
