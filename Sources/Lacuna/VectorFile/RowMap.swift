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

    /// Bytes of the file from one segment's start to the next one's; a multiple of any page size.
    static let length: Int64 = 256 << 20
    /// Segments overlap by the longest row, so that one that straddles a border lies whole in the segment it begins in.
    static let mappedLength = Int(length) + 65_536 * 4

    /// The map may reach past the end of the file: those pages become readable as the file grows, and nobody reads one
    /// before (a row's offset is checked against the file's length first).
    init(_ descriptor: Int32, index: Int, path: String) throws(SystemError) {
        let address = unsafe mmap(
            nil,
            Self.mappedLength,
            PROT_READ,
            MAP_SHARED,
            descriptor,
            off_t(Int64(index) * Self.length)
        )
        guard let address = unsafe address, unsafe address != MAP_FAILED else {
            throw SystemError(errno: errno, call: "map", path: path)
        }
        unsafe base = UnsafeRawPointer(address)
    }

    func unmap() { _ = unsafe munmap(UnsafeMutableRawPointer(mutating: base), Self.mappedLength) }
}

/// The rows of a data file up to an offset, in memory: what a snapshot reads. It keeps its file's map alive.
@safe
struct RowView: Sendable {
    let file: DataFile
    let segments: [MappedSegment]
    /// The first byte after the last row that may be read.
    let end: Int64

    /// Whether `offset` is where a row of this view begins.
    func contains(_ offset: Int64) -> Bool { file.isRow(offset, below: end) }

    /// The row's floats, without a copy; the caller has checked that the view contains `offset`.
    func withRow<R, E: Error>(_ offset: Int64, _ body: (Span<Float>) throws(E) -> R) throws(E) -> R {
        let pointer = unsafe address(of: offset).assumingMemoryBound(to: Float.self)
        let row = unsafe UnsafeBufferPointer(start: pointer, count: file.header.dimension)
        return try unsafe body(row.span)
    }

    func row(_ offset: Int64) -> [Float] { withRow(offset) { $0.copy() } }

    /// Cuts offsets that ascend at segment borders, so that `body` gets a base and byte offsets from it.
    func forEachSegment(
        _ offsets: ArraySlice<Int64>,
        _ body: (UnsafeRawPointer, ArraySlice<Int64>, _ base: Int64) -> Void
    ) {
        var rest = offsets
        while let first = rest.first {
            let index = first / MappedSegment.length
            let border = (index + 1) * MappedSegment.length
            let end = rest.partitioningIndex { $0 >= border }
            unsafe body(segments[Int(index)].base, rest[..<end], index * MappedSegment.length)
            rest = rest[end...]
        }
    }

    private func address(of offset: Int64) -> UnsafeRawPointer {
        let index = Int(offset / MappedSegment.length)
        return unsafe segments[index].base + Int(offset - Int64(index) * MappedSegment.length)
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
