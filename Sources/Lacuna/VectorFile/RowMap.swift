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

    /// Of the file's first 256 GiB each segment has 256 MiB; of what lies beyond, 256 GiB. So that a file that claims to be
    /// the longest that there is doesn't use up the mappings that a process may have. Multiples of any page size.
    private static let smallBits: Int64 = 28
    private static let largeBits: Int64 = 38
    private static let smallSegments: Int64 = 1 << (largeBits - smallBits)
    /// Segments overlap by the longest row, so that one that straddles a border lies whole in the segment it begins in.
    private static let overlap = 65_536 * 4
    /// As much of a file as is mapped: 64 TiB, half of what a process can address.
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

    /// The map may reach past the end of the file: those pages become readable as the file grows, and nobody reads one
    /// before (a row's offset is checked against the file's length first).
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

/// The rows of a data file below a slot, in memory: what a snapshot reads. It keeps its file's map alive.
@safe
struct RowView: Sendable {
    let file: DataFile
    let segments: [MappedSegment]
    /// The slot after the last row that may be read.
    let end: Slot

    func contains(_ slot: Slot) -> Bool { slot >= Slot(0) && slot < end }

    /// The row's floats, without a copy; the caller has checked that the view contains the slot.
    func withRow<R, E: Error>(_ slot: Slot, _ body: (Span<Float>) throws(E) -> R) throws(E) -> R {
        let pointer = unsafe address(of: slot).assumingMemoryBound(to: Float.self)
        let row = unsafe UnsafeBufferPointer(start: pointer, count: file.layout.dimension)
        return try unsafe body(row.span)
    }

    func row(_ slot: Slot) -> [Float] { withRow(slot) { $0.copy() } }

    /// Calls `body` with the parts of neighbouring rows that lie in one piece of memory each, and where the first row of each
    /// begins there.
    func forEachPiece<E: Error>(
        of slots: Range<Slot>,
        _ body: (Range<Slot>, UnsafeRawPointer) throws(E) -> Void
    ) throws(E) {
        var rest = slots
        while !rest.isEmpty {
            let offset = file.layout.offset(rest.lowerBound)
            let border = MappedSegment.start(of: MappedSegment.index(of: offset) + 1)
            // A row that straddles the border lies whole in the segment that it begins in.
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
    /// The first index whose element belongs to the second half, in a collection that is parted in two.
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
