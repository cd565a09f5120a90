/// A sum over rows that doesn't depend on their order: two tables with the same rows have the same sum.
///
/// Each row adds a keyed hash of its id and its slot. The key is drawn when the process starts. The probability that
/// different rows have the same sum is 2⁻⁶⁴.
struct RowFingerprint: Equatable, Sendable {
    private var sum: UInt64 = 0

    init() {}
    private init(sum: UInt64) { self.sum = sum }

    mutating func add(_ id: SQLValue, _ slot: Slot) {
        switch id {
        case .integer(let integer): add(RowKey(integer), slot)
        case .text(var text): text.withUTF8 { unsafe add(textBytes: UnsafeRawBufferPointer($0), slot) }
        case .null, .real: break
        }
    }

    mutating func add(textBytes bytes: UnsafeRawBufferPointer, _ slot: Slot) {
        var hasher = Hasher()
        unsafe hasher.combine(bytes: bytes)
        add(RowKey(Int64(hasher.finalize())), slot)
    }

    mutating func add(_ key: RowKey, _ slot: Slot) {
        let mixed = (key.high ^ Self.seed.0).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15 ^ key.low)
        let hash = (mixed.high ^ mixed.low ^ Self.seed.1) &+ UInt64(slot.number) &* 0xd6e8_feb8_6659_fd93
        let final = hash.multipliedFullWidth(by: 0xa076_1d64_78bd_642f ^ Self.seed.0)
        sum &+= final.high ^ final.low
    }

    static func + (left: RowFingerprint, right: RowFingerprint) -> RowFingerprint {
        RowFingerprint(sum: left.sum &+ right.sum)
    }

    private static let seed = (UInt64.random(in: .min ... .max), UInt64.random(in: .min ... .max))
}
