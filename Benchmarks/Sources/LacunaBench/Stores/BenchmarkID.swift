import ArgumentParser
import Foundation
import Lacuna
import Measuring

/// An id whose bytes in memory are its key in the peers' stores.
protocol BenchmarkID: VectorID {
    static var isInteger: Bool { get }
    /// The id of a row.
    static func drawn(_ kind: IDKind, row: Int, from random: inout SplitMix) -> Self
}

enum IDKind: String, CaseIterable, ExpressibleByArgument {
    case sequential, random, uuid

    /// The ids of rows 0, 1, 2, … The same each time.
    func ids<ID: BenchmarkID>(_ count: Int) -> [ID] {
        var random = SplitMix(seed: 1)
        return (0..<count).map { ID.drawn(self, row: $0, from: &random) }
    }
}

extension Int64: BenchmarkID {
    static var isInteger: Bool { true }

    static func drawn(_ kind: IDKind, row: Int, from random: inout SplitMix) -> Int64 {
        kind == .random ? Int64(bitPattern: random.next() >> 1) : Int64(row)
    }
}

extension UUID: BenchmarkID {
    static var isInteger: Bool { false }

    static func drawn(_: IDKind, row: Int, from random: inout SplitMix) -> UUID {
        UUID(uuid: unsafeBitCast((random.next(), random.next()), to: uuid_t.self))
    }
}
