import Foundation
import Lacuna
import Measuring

/// An id that says which row has it.
protocol SearchedID: VectorID {
    init(row: Int)
    /// Nil if no row has this id.
    var row: Int? { get }
}

extension Int64: SearchedID {
    init(row: Int) { self = Int64(row) }

    var row: Int? { Int(exactly: self) }
}

extension String: SearchedID {
    private static let prefix = "document-"

    init(row: Int) { self = Self.prefix + String(row) }

    var row: Int? {
        guard let row = Int(dropFirst(Self.prefix.count)), String(row: row) == self else { return nil }
        return row
    }
}

extension UUID: SearchedID {
    /// The first half is random, so that neighbours in the index aren't neighbours in the file.
    init(row: Int) {
        var random = SplitMix(seed: UInt64(row))
        self.init(uuid: unsafeBitCast((random.next(), UInt64(row)), to: uuid_t.self))
    }

    var row: Int? {
        let halves = unsafeBitCast(uuid, to: (UInt64, UInt64).self)
        guard let row = Int(exactly: halves.1), UUID(row: row) == self else { return nil }
        return row
    }
}
