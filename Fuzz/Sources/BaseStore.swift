import Foundation
import Lacuna
import TestSupport

/// All rows that were ever put into a store that the target edits.
struct StoreHistory {
    static let ids = Int64(1)...20
    /// An id that is only put while an edited store is used.
    static let newID = Int64(1_000)
    static let versions = 0...1

    func vector(_ id: Int64, version: Int) -> [Float] { (1...4).map { Float(id) * Float($0) + Float(version) / 4 } }

    func metadata(_ id: Int64, version: Int) -> String { #"{"n":\#(id),"version":\#(version)}"# }

    func wasPut(_ vector: [Float], for id: Int64) -> Bool {
        (Self.ids.contains(id) || id == Self.newID)
            && Self.versions.contains { self.vector(id, version: $0).bitPatterns == vector.bitPatterns }
    }

    func wasPut(metadata: String?, for id: Int64) -> Bool {
        metadata == nil || Self.versions.contains { self.metadata(id, version: $0) == metadata }
    }
}

/// The files of a store, without lock files.
struct BaseStore {
    var files: [String: [UInt8]] = [:]
    /// The names, in an order on which an input can rely.
    var names: [String] { files.keys.sorted() }

    /// Makes a store that was closed, one that a crash left with its commits in the log, and one with a history of
    /// compactions.
    static func makeAll(_ history: StoreHistory) throws -> [BaseStore] {
        let path = Scratch.file("base.lacuna")
        let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: 4, metric: .euclidean))
        try store.write { batch in
            for id in StoreHistory.ids {
                let metadata = id % 3 == 0 ? nil : history.metadata(id, version: 0)
                try batch.put(history.vector(id, version: 0), for: id, metadataJSON: metadata)
            }
        }
        try store.close()
        let closed = try BaseStore(path)
        let second = try VectorStore<Int64>.open(at: path)
        for id in Int64(1)...3 {
            let metadata = history.metadata(id, version: 1)
            try second.put(history.vector(id, version: 1), for: id, metadataJSON: metadata, replacing: true)
        }
        try second.delete([10, 11])
        // No other handle has it open whose locks the copying could drop.
        let left = try BaseStore(path)
        try second.compact(.rewrite)
        try second.delete([12])
        try second.compact(.inPlace)
        try second.delete([13, 14])
        try second.close()
        return [closed, left, try BaseStore(path)]
    }

    /// The data file's reserve is left out, so that edits hit bytes that matter.
    private init(_ path: String) throws {
        let end = 4_096 + (StoreHistory.ids.count + 8) * 16
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            if name.hasSuffix(".lock") || name.hasSuffix("-shm") { continue }
            let bytes = try Scratch.read("\(path)/\(name)")
            files[name] = name.hasSuffix(".f32") ? Array(bytes.prefix(end)) : bytes
        }
    }
}

/// The bytes of an input, one after the other; zeros when they are used up.
struct InputBytes {
    private var bytes: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { self.bytes = bytes[...] }

    var isEmpty: Bool { bytes.isEmpty }

    mutating func byte() -> Int { Int(bytes.popFirst() ?? 0) }

    /// A number of `count` bytes, the lowest first.
    mutating func number(_ count: Int) -> Int { (0..<count).reduce(0) { $0 | byte() << (8 * $1) } }

    mutating func take(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(byte()) } }
}

/// Edits of a store's files. Each has the file's number, the kind of edit, and its place.
struct Edits {
    private let bases: [BaseStore]

    init(_ bases: [BaseStore]) { self.bases = bases }

    func applied(to base: BaseStore, _ input: inout InputBytes) -> [String: [UInt8]] {
        var files = base.files
        while !input.isEmpty {
            let name = base.names[input.byte() % base.names.count]
            let kind = input.byte() % 8
            if kind == 3 {
                files[name] = nil
            } else if kind == 5 {
                let other = bases[input.byte() % bases.count]
                files[name] = other.files[name] ?? other.files.first { $0.key.hasSuffix(".f32") }?.value
            } else {
                let before = files[name] ?? []
                files[name] = edited(before, kind, &input)
            }
        }
        return files
    }

    private func edited(_ before: [UInt8], _ kind: Int, _ input: inout InputBytes) -> [UInt8] {
        var bytes = before
        func place() -> Int { input.number(3) % (before.count + 1) }
        func range(_ start: Int, _ count: Int) -> Range<Int> { start..<min(bytes.count, start + count) }
        switch kind {
        case 0:
            let start = place()
            let new = input.take(input.byte() % 32)
            bytes.replaceSubrange(range(start, new.count), with: new)
        case 1:
            let at = place()
            let mask = UInt8(input.byte())
            if at < bytes.count { bytes[at] ^= mask }
        case 2: return Array(bytes.prefix(place()))
        case 4:
            let (from, to) = (place(), place())
            let copied = Array(bytes[range(from, input.number(2))])
            bytes.replaceSubrange(range(to, copied.count), with: copied)
        case 6:
            let zeroed = range(place(), input.number(2))
            bytes.replaceSubrange(zeroed, with: [UInt8](repeating: 0, count: zeroed.count))
        default: bytes += [UInt8](repeating: 0, count: input.number(2))
        }
        return bytes
    }
}
