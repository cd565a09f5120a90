/// The key of a slot, or of a chunk of slots, of a generation in the tables `runs` and `dead`.
///
/// The generation's lowest 19 bits come first. Two generations with the same lowest bits are never in the index
/// together: a compaction removes the rows that an earlier one has left before it begins.
enum GenerationKey {
    private static let bits: Int64 = 44
    private static let generations: Int64 = 1 << 19

    static func key(_ generation: Int64, _ number: Int) -> Int64 {
        (generation % generations) << bits | Int64(number)
    }

    static func keys(_ generation: Int64, _ numbers: Range<Int>) -> ClosedRange<Int64> {
        key(generation, numbers.lowerBound)...key(generation, numbers.lowerBound) + Int64(numbers.count - 1)
    }

    /// Whether two generations have the same keys.
    static func areAlike(_ left: Int64, _ right: Int64) -> Bool { left % generations == right % generations }

    static func number(_ key: Int64) -> Int { Int(key & (1 << bits - 1)) }

    /// All keys of a generation.
    static func keys(_ generation: Int64) -> ClosedRange<Int64> {
        key(generation, 0)...key(generation, 1 << Int(bits) - 1)
    }
}
