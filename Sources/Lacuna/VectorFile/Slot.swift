/// A row's place in the data file, counted from 0.
struct Slot: Hashable, Sendable {
    let number: Int

    init(_ number: Int) { self.number = number }

    /// More slots than any data file has: each takes at least four bytes of ``MappedSegment/longestFile``.
    static let most = 1 << 44
}

extension Slot: Strideable {
    // `Strideable` would compare by the distance, which may overflow for two slots from the disk.
    static func < (left: Slot, right: Slot) -> Bool { left.number < right.number }
    static func == (left: Slot, right: Slot) -> Bool { left.number == right.number }
    func distance(to other: Slot) -> Int { other.number - number }
    func advanced(by count: Int) -> Slot { Slot(number + count) }
}

/// The places of the rows in a data file.
struct RowLayout: Equatable, Sendable {
    let dimension: Int
    let element: ElementType

    /// The number of bytes from one row to the next. There is no padding between rows.
    var stride: Int64 { Int64(dimension) * element.bytes }

    /// The offset in the file at which a slot begins.
    func offset(_ slot: Slot) -> Int64 { DataFileHeader.length + Int64(slot.number) * stride }

    func offsets(_ slots: Range<Slot>) -> Range<Int64> { offset(slots.lowerBound)..<offset(slots.upperBound) }

    /// The slot of the byte at `offset`, which must lie after the header.
    func slot(at offset: Int64) -> Slot { Slot(Int((offset - DataFileHeader.length) / stride)) }
}
