#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A stretch of a data file in memory, for reading only.
///
/// `@unchecked Sendable`: the pages are mapped PROT_READ and only `DataFile.deinit` unmaps them, which can't run while
/// anybody holds a ``RowView`` of that file; the rows that a reader's snapshot names don't change.
@safe
struct MappedSegment: @unchecked Sendable {
    let base: UnsafeRawPointer
    private let mappedLength: Int

    /// In the file's first 256 GiB each segment has 256 MiB; after that, each has 256 GiB. So the longest possible file
    /// doesn't use up the mappings that a process may have. Both are multiples of any page size.
    private static let smallBits: Int64 = 28
    private static let largeBits: Int64 = 38
    private static let smallSegments: Int64 = 1 << (largeBits - smallBits)
    /// Segments overlap by the longest row, so that a row across a border lies completely in the segment in which it
    /// begins.
    private static let overlap = DataFileHeader.dimensions.upperBound * MemoryLayout<Float>.stride
    /// The longest file that is mapped: 64 TiB, half of what a process can address.
    static let longestFile: Int64 = 1 << 46

    /// The segment in which a byte of the file lies.
    @inline(__always)
    static func index(of offset: Int64) -> Int {
        Int(
            truncatingIfNeeded: offset >> largeBits == 0 ? offset >> smallBits : smallSegments - 1 + offset >> largeBits
        )
    }

    /// The byte of the file with which a segment begins.
    @inline(__always)
    static func start(of index: Int) -> Int64 {
        let index = Int64(index)
        return index < smallSegments ? index << smallBits : (index - smallSegments + 1) << largeBits
    }

    /// The map may go beyond the end of the file: these pages become readable as the file grows. Nobody reads them
    /// before, since a row's offset is first compared with the file's length.
    init(_ descriptor: Int32, index: Int, path: String) throws(SystemError) {
        let start = Self.start(of: index)
        mappedLength = Int(Self.start(of: index + 1) - start) + Self.overlap
        let address = unsafe mmap(nil, mappedLength, PROT_READ, MAP_SHARED, descriptor, off_t(start))
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw SystemError(errno: errno, call: "map", path: path)
        }
        unsafe base = UnsafeRawPointer(address)
    }

    func unmap() { _ = unsafe munmap(UnsafeMutableRawPointer(mutating: base), mappedLength) }
}

/// The rows of a data file below a slot, in memory, for a snapshot. It keeps its file's map alive.
@safe
struct RowView: Sendable {
    let file: DataFile
    let segments: [MappedSegment]
    /// The slot after the last row that may be read.
    let end: Slot

    func contains(_ slot: Slot) -> Bool { slot >= Slot(0) && slot < end }

    /// Calls `body` with the row's components, without a copy if they are stored in the closure's type. The caller must
    /// have checked that the view contains the slot, and that the type can have the components.
    func withRow<C: RowComponent, R, E: Error>(_ slot: Slot, _ body: (Span<C>) throws(E) -> R) throws(E) -> R {
        try unsafe C.withRow(of: file.layout.element, at: address(of: slot), count: file.layout.dimension, body)
    }

    func row(_ slot: Slot) -> [Float] { withRow(slot) { (row: Span<Float>) in row.copy() } }

    /// Divides neighbouring rows into parts that lie in one piece of memory each. Calls `body` with each part and the
    /// address of its first row.
    func forEachPiece<E: Error>(
        of slots: Range<Slot>,
        _ body: (Range<Slot>, UnsafeRawPointer) throws(E) -> Void
    ) throws(E) {
        var rest = slots
        while !rest.isEmpty {
            let offset = file.layout.offset(rest.lowerBound)
            let border = MappedSegment.start(of: MappedSegment.index(of: offset) + 1)
            // A row across the border lies completely in the segment in which it begins.
            let count = Int((border - offset + file.stride - 1) / file.stride)
            let piece = rest.prefix(count)
            try unsafe body(piece, address(of: rest.lowerBound))
            rest = rest.dropFirst(count)
        }
    }

    private func address(of slot: Slot) -> UnsafeRawPointer {
        let offset = file.layout.offset(slot)
        let index = MappedSegment.index(of: offset)
        return unsafe segments[index].base + Int(offset - MappedSegment.start(of: index))
    }
}

extension Span<Float> {
    func copy() -> [Float] {
        unsafe withUnsafeBufferPointer { unsafe Array($0) }
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index whose element belongs to the second half of a partitioned collection.
    func partitioningIndex(where belongsInSecondHalf: (Element) -> Bool) -> Int {
        var low = startIndex
        var high = endIndex
        while low < high {
            let middle = low + (high - low) / 2
            if belongsInSecondHalf(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
