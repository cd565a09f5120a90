/// A row's place in the data file, counted from 0.
struct Slot: Hashable, Sendable {
    let number: Int

    init(_ number: Int) { self.number = number }

    /// More slots than any data file has: each takes four bytes at least, of ``MappedSegment/longestFile``.
    static let most = 1 << 44
}

extension Slot: Strideable {
    // Not by the distance, as these are unless they are said here: two slots that come from the disk may have none.
    static func < (left: Slot, right: Slot) -> Bool { left.number < right.number }
    static func == (left: Slot, right: Slot) -> Bool { left.number == right.number }
    func distance(to other: Slot) -> Int { other.number - number }
    func advanced(by count: Int) -> Slot { Slot(number + count) }
}

/// How a component is stored: all that depends on the type of the components.
enum ElementType: String, Sendable {
    /// IEEE 754 binary32, little-endian.
    case float32

    var bytes: Int64 { 4 }
    /// The ending of the data file's name.
    var nameEnding: String { "f32" }
    /// What the data file's header calls it.
    var headerCode: UInt32 { 1 }
}

/// Where the rows of a data file lie.
struct RowLayout: Equatable, Sendable {
    let dimension: Int
    var element = ElementType.float32

    /// Bytes from one row to the next: rows follow one another without padding.
    var stride: Int64 { Int64(dimension) * element.bytes }

    /// The byte of the file at which a slot begins.
    func offset(_ slot: Slot) -> Int64 { DataFileHeader.length + Int64(slot.number) * stride }

    func offsets(_ slots: Range<Slot>) -> Range<Int64> { offset(slots.lowerBound)..<offset(slots.upperBound) }

    /// The slot that holds the byte at `offset`, which lies behind the header.
    func slot(at offset: Int64) -> Slot { Slot(Int((offset - DataFileHeader.length) / stride)) }
}
