import Foundation
import Lacuna
import TestSupport

/// An id's place in the order of ids, computed without the library: bytes that compare as the ids do.
struct IDKey: Hashable, Comparable {
    let bytes: [UInt8]

    init(_ id: some VectorID) {
        switch id {
        case let integer as Int64:
            let biased = UInt64(bitPattern: integer) ^ (1 << 63)
            bytes = (0..<8).map { UInt8(truncatingIfNeeded: biased >> (56 - 8 * UInt64($0))) }
        case let uuid as UUID: bytes = Array(uuid.uuidString.lowercased().utf8)
        case let text as String: bytes = Array(text.utf8)
        default: bytes = []
        }
    }

    static func < (left: IDKey, right: IDKey) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }
}

/// A model of a store after some operations, kept in a dictionary.
struct StoreModel<ID: VectorID> {
    struct Row {
        var id: ID
        var vector: [Float]
        var json: String?
        var slot: Int
    }

    private(set) var rows: [IDKey: Row] = [:]
    /// The number of rows in the file, live and dead.
    private(set) var slots = 0
    private(set) var generation: Int64 = 1

    var inIDOrder: [Row] { rows.sorted { $0.key < $1.key }.map(\.value) }
    var inSlotOrder: [Row] { rows.values.sorted { $0.slot < $1.slot } }

    mutating func put(_ vector: [Float], for id: ID, json: String?) {
        rows[IDKey(id)] = Row(id: id, vector: vector, json: json, slot: slots)
        slots += 1
    }

    /// The metadata of a row that the id has, if there are any.
    func json(of id: ID) -> String? { rows[IDKey(id)]?.json }

    mutating func setMetadata(_ json: String?, for id: ID) { rows[IDKey(id)]?.json = json }

    mutating func delete(_ id: ID) { rows[IDKey(id)] = nil }

    /// Moves the live rows together, in the order of their slots.
    mutating func rewrite() {
        for (slot, row) in inSlotOrder.enumerated() { rows[IDKey(row.id)]?.slot = slot }
        slots = rows.count
        generation += 1
    }

    /// Moves the rows beyond the final end into the gaps before it; rows and gaps both in the order of their slots.
    mutating func compactInPlace() {
        let used = Set(rows.values.map(\.slot))
        let gaps = (0..<rows.count).filter { !used.contains($0) }
        for (row, gap) in zip(inSlotOrder.filter { $0.slot >= rows.count }, gaps) { rows[IDKey(row.id)]?.slot = gap }
        slots = rows.count
    }

    /// The gaps, and the dead slots at the end.
    var deadRuns: [Range<Int>] {
        var runs: [Range<Int>] = []
        var end = 0
        for slot in inSlotOrder.map(\.slot) + [slots] {
            if slot > end { runs.append(end..<slot) }
            end = slot + 1
        }
        return runs
    }

    /// The distances of all rows to a query in float64, nearest first, equal ones in the order of their ids.
    func nearest(_ query: [Float], _ metric: DistanceMetric, where passes: (Row) -> Bool = { _ in true })
        -> [(id: ID, distance: Double)]
    {
        rows.filter { passes($0.value) }
            .map { (key: $0.key, id: $0.value.id, distance: metric.distanceInDouble(query, $0.value.vector)) }
            .sorted { ($0.distance, $0.key) < ($1.distance, $1.key) }
            .map { ($0.id, $0.distance) }
    }
}

extension DistanceMetric {
    func distanceInDouble(_ a: [Float], _ b: [Float]) -> Double {
        let sums = DistanceSums(a, b)
        return switch self {
        case .cosine: sums.cosineDistance
        case .dot: -sums.dot
        case .euclidean: sums.euclideanDistance
        }
    }
}
