import CLacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Tells which parts of a file occupy blocks. The ranges asked for must be in ascending order: so there is one look at
/// the file for each of its stretches, and not for each range.
struct DataExtents {
    private let file: DataFile
    private var extent: Range<Int64>? = 0..<0

    init(_ file: DataFile) { self.file = file }

    /// The bytes of the range that occupy blocks.
    mutating func bytes(in range: Range<Int64>) -> Int64 {
        var bytes: Int64 = 0
        forEachPart(of: range) { bytes += Int64($0.count) }
        return bytes
    }

    /// Calls `body` with the parts of the range that occupy blocks.
    mutating func forEachPart<E: Error>(
        of range: Range<Int64>,
        _ body: (Range<Int64>) throws(E) -> Void
    ) throws(E) {
        var position = range.lowerBound
        while position < range.upperBound, let extent = first(from: position), extent.lowerBound < range.upperBound {
            try body(extent.clamped(to: range))
            position = extent.upperBound
        }
    }

    /// The first stretch at or after `position` that occupies blocks; nil if there is none.
    mutating func first(from position: Int64) -> Range<Int64>? {
        if let known = extent, known.upperBound <= position { extent = file.extent(from: position) }
        return extent.map { max($0.lowerBound, position)..<$0.upperBound }
    }
}

extension DataFile {
    /// The number of bytes of `range` that occupy blocks, by lseek(2) with SEEK_DATA; all of them if the file system
    /// can't tell.
    func dataBytes(in range: Range<Int64>) -> Int64 {
        var extents = DataExtents(self)
        return extents.bytes(in: range)
    }

    /// Calls `body` with the parts of the range that occupy blocks.
    func forEachExtent<E: Error>(in range: Range<Int64>, _ body: (Range<Int64>) throws(E) -> Void) throws(E) {
        var extents = DataExtents(self)
        try extents.forEachPart(of: range, body)
    }

    func extent(from position: Int64) -> Range<Int64>? { Self.extent(of: descriptor, from: position) }

    /// The first stretch from `position` on that occupies blocks; nil if there is none. If the file system can't tell,
    /// the whole rest of the file.
    static func extent(of descriptor: Int32, from position: Int64) -> Range<Int64>? {
        var data: Int64 = 0
        let code = unsafe lacuna_seek_data(descriptor, position, &data)
        if code == ENXIO { return nil }
        var hole: Int64 = 0
        guard code == 0, unsafe lacuna_seek_hole(descriptor, data, &hole) == 0, hole > data else {
            return position..<Int64.max
        }
        return data..<hole
    }
}
