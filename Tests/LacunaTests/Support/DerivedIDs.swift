@testable import Lacuna

/// A derived file, as a later version may make one: the id of the row in each slot, as a number.
enum DerivedIDs {
    static func name(_ number: Int) -> String { "derived-\(number).ids" }

    /// Makes a derived file from the current rows: first its row in the index, then the file, which is synced with its
    /// name, then the slots that it covers.
    static func make(_ store: VectorStore<Int64>, _ number: Int, _ fileSystem: any FileSystem) throws {
        try store.writing().turn { session in
            let index = session.index
            let ids = try ids(index)
            func run(_ sql: String, _ values: [SQLValue]) throws(VectorStoreError) {
                _ = try session.commit { () throws(VectorStoreError) in try index.connection.run(sql, values) }
            }
            try run(
                "INSERT INTO files (name, generation, kind, nonce, covered) SELECT ?, generation, 'ids', 7, 0 FROM store",
                [.text(name(number))]
            )
            let directory = session.paths.directory
            let descriptor = try fileSystem.open(name(number), in: directory, .createNew())
            defer { fileSystem.close(descriptor) }
            try unsafe ids.withUnsafeBytes { try unsafe fileSystem.writeAll(descriptor, $0, at: 0) }
            try fileSystem.sync(descriptor)
            try fileSystem.sync(directory)
            try run(
                "UPDATE files SET covered = ? WHERE name = ?",
                [.integer(Int64(ids.count)), .text(name(number))]
            )
        }
    }

    /// The derived files of the current generation that exist. Throws if one is wrong about a live row.
    static func sound(_ store: VectorStore<Int64>, _ fileSystem: any FileSystem) throws -> [String] {
        try store.readers.read { snapshot in
            let generation = snapshot.record.generation
            let current = try ids(snapshot.index)
            return try snapshot.index.derivedFiles().filter { $0.generation == generation }.compactMap { file in
                guard let told = try read(file.name, store.paths.directory, fileSystem) else { return nil }
                let covered = try covered(file, snapshot.index)
                guard told.count >= covered else { throw CrashModel.Mismatch(what: "\(file.name) is short") }
                for (slot, id) in current.prefix(covered).enumerated() where id != 0 && told[slot] != id {
                    throw CrashModel.Mismatch(what: "\(file.name) has \(told[slot]) in slot \(slot), which holds \(id)")
                }
                return file.name
            }
        }
    }

    private static func covered(_ file: DerivedFile, _ index: StoreIndex) throws -> Int {
        let covered = try index.connection.first("SELECT covered FROM files WHERE name = ?", [.text(file.name)]) {
            $0.integer(0)
        }
        return Int(covered ?? 0)
    }

    /// The ids by slot; 0 if a slot has no live row.
    private static func ids(_ index: StoreIndex) throws -> [Int64] {
        let record = try index.record()
        var ids = [Int64](repeating: 0, count: record.nextSlot.number)
        try index.forEachRow(record.generation) { id, slot in
            if case .integer(let number) = id { ids[slot.number] = number }
        }
        return ids
    }

    private static func read(
        _ name: String,
        _ directory: Directory,
        _ fileSystem: any FileSystem
    ) throws -> [Int64]? {
        guard let size = try directory.status(name)?.size else { return nil }
        let descriptor = try fileSystem.open(name, in: directory, .read)
        defer { fileSystem.close(descriptor) }
        var ids = [Int64](repeating: 0, count: Int(size) / 8)
        _ = try unsafe ids.withUnsafeMutableBytes { try unsafe fileSystem.readAll(descriptor, into: $0, at: 0) }
        return ids
    }
}
