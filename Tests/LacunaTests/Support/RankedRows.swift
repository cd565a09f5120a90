import TestSupport

@testable import Lacuna

extension DistanceMetric {
    /// The distance by its definition.
    func distance(_ query: [Float], _ row: [Float]) -> Double {
        let sums = DistanceSums(query, row)
        return switch self {
        case .cosine: sums.cosineDistance
        case .dot: 0 - sums.dot
        case .euclidean: sums.euclideanDistance
        }
    }
}

/// The rows of a store in a dictionary, and the answers of searches by their definition.
struct RankedRows<ID: VectorID> {
    struct Row {
        let id: ID
        var vector: [Float]
        /// The number of the row, which filters ask for.
        var number: Int
        /// JSON text; nil if the row has no such field.
        var group: String?

        var json: String { group.map { #"{"n":\#(number),"group":\#($0)}"# } ?? #"{"n":\#(number)}"# }
    }

    let metric: DistanceMetric
    var rows: [IDKey: Row] = [:]

    init(metric: DistanceMetric) { self.metric = metric }

    /// All rows that pass, nearest first.
    func ranked(_ query: [Float], _ passes: (Row) -> Bool) -> [Match<ID>] {
        rows.filter { passes($0.value) }
            .map { (match: Match(id: $0.value.id, distance: metric.distance(query, $0.value.vector)), key: $0.key) }
            .sorted { ($0.match.distance, $0.key) < ($1.match.distance, $1.key) }
            .map(\.match)
    }

    /// The answer of a search, computed with nothing but a list of all rows that pass.
    func search(
        _ query: [Float],
        limit: Int,
        radius: Double? = nil,
        among: [ID]? = nil,
        after: Match<ID>? = nil,
        mostOfGroup: Int? = nil,
        _ passes: (Row) -> Bool
    ) -> [Match<ID>] {
        let among = among.map { Set($0.map { IDKey($0) }) }
        var found = ranked(query) { among?.contains(IDKey($0.id)) != false && passes($0) }
        if let radius { found = found.filter { $0.distance <= radius } }
        if let mostOfGroup {
            var counts: [[UInt8]: Int] = [:]
            found = found.filter { match in
                guard let group = rows[IDKey(match.id)]?.group.flatMap(Self.groupValue) else { return true }
                counts[group, default: 0] += 1
                return counts[group, default: 0] <= mostOfGroup
            }
        }
        if let after {
            found = found.filter { ($0.distance, IDKey($0.id)) > (after.distance, IDKey(after.id)) }
        }
        return Array(found.prefix(limit))
    }

    /// The same bytes for the JSON of two values that are the same; nil for null.
    private static func groupValue(_ json: String) -> [UInt8]? {
        if json == "null" { return nil }
        return Array((json.hasSuffix(".0") ? String(json.dropLast(2)) : json.filter { $0 != " " }).utf8)
    }
}

extension RankedRows<Int64> {
    init(metric: DistanceMetric, rows vectors: [Int64: [Float]]) {
        self.init(metric: metric)
        for (id, vector) in vectors { rows[IDKey(id)] = Row(id: id, vector: vector, number: Int(id)) }
    }
}
