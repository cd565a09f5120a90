/// The SQL function `relocated(id, slot)`, which returns the new slot of a row that is staged, and a record of the rows
/// that it was called with.
///
/// Used only in the writer's turn, like the connection that calls it.
final class StagedRows {
    private let live: LiveBitmap
    /// One bit for each row that was copied, by its rank.
    private var seen: [UInt64]
    private var sum = Sum()
    /// The sum before the batch under way, and the ranks that this batch has added.
    private var sumBefore = Sum()
    private var ranks: [Int] = []

    private struct Sum {
        var fingerprint = RowFingerprint()
        /// The last id, as bytes or as an integer.
        var lastText: [UInt8] = []
        var lastInteger: Int64?
        var isOrdered = true
        /// Ids whose slot holds no copied row, or shares it with another id.
        var misplaced: [String] = []

        mutating func add(_ arguments: SQLArguments, _ slot: Slot) {
            if let integer = arguments.integer(0) {
                isOrdered = isOrdered && lastInteger.map { $0 < integer } ?? true
                lastInteger = integer
                fingerprint.add(RowKey(integer), slot)
                return
            }
            unsafe arguments.withText(0) { text in
                guard let text = unsafe text else { return }
                let isNext = unsafe lastText.isEmpty || lastText.lexicographicallyPrecedes(text)
                isOrdered = isOrdered && isNext
                lastText.removeAll(keepingCapacity: true)
                unsafe lastText.append(contentsOf: text)
                unsafe fingerprint.add(textBytes: text, slot)
            }
        }
    }

    init(_ live: LiveBitmap) {
        self.live = live
        seen = [UInt64](repeating: 0, count: live.liveCount / 64 + 1)
    }

    var function: IntegerFunction { IntegerFunction { [self] in relocate($0) } }

    /// Begins a batch.
    func begin() {
        sumBefore = sum
        ranks.removeAll(keepingCapacity: true)
    }

    /// Begins the batch again, after its transaction met a full disk.
    func beginAgain() {
        sum = sumBefore
        for rank in ranks { seen[rank / 64] &= ~(1 << UInt64(rank % 64)) }
        ranks.removeAll(keepingCapacity: true)
    }

    func contains(rank: Int) -> Bool { seen[rank / 64] >> UInt64(rank % 64) & 1 == 1 }

    /// The fingerprint of the staged rows and of others.
    func fingerprint(and others: RowFingerprint) -> RowFingerprint { sum.fingerprint + others }

    /// Throws `damaged` if the index contradicts itself.
    func check() throws(VectorStoreError) {
        if !sum.misplaced.isEmpty {
            throw .damaged(
                "the ids \(VectorStoreError.list(sum.misplaced)) name dead rows, or the same row",
                ids: sum.misplaced
            )
        }
        if !sum.isOrdered { throw .damaged("the index's rows are out of order") }
    }

    private func relocate(_ arguments: SQLArguments) -> Int64 {
        // Another program may have written to the index since the live rows were found.
        guard let number = arguments.integer(1), let slot = Int(exactly: number).map(Slot.init), slot >= Slot(0),
            slot < live.slots, live[slot]
        else {
            sum.misplaced.append(arguments.idText(0))
            return 0
        }
        let rank = live.rank(slot)
        if contains(rank: rank) { sum.misplaced.append(arguments.idText(0)) }
        seen[rank / 64] |= 1 << UInt64(rank % 64)
        ranks.append(rank)
        sum.add(arguments, slot)
        return Int64(rank)
    }
}
