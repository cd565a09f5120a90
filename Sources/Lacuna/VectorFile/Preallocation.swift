/// Computes the space that a data file keeps ready beyond its rows.
///
/// Blocks are reserved in steps before rows are written, so that a sync has less to do, and a full disk is noticed
/// before the write. Half a step is a reserve that puts don't use: it gives deletes room on a full disk.
enum Preallocation {
    private static let largestReserve: Int64 = 4 << 20
    private static let smallestReserve: Int64 = 256 << 10

    /// The tail that stays free for deletes, in bytes: an eighth of the rows, from 256 KiB to 4 MiB.
    static func reserve(rowBytes: Int64) -> Int64 {
        min(largestReserve, max(smallestReserve, rowBytes / 8))
    }

    /// The length to which a file is extended if its rows end at `end`: a step of two reserves more, in whole rows.
    static func length(rowsEnd end: Int64, stride: Int64) -> Int64 {
        lengthWithTail(2 * reserve(rowBytes: end - DataFileHeader.length), end, stride)
    }

    /// The length of a file that was just compacted: its rows and the reserve.
    static func compactLength(rowsEnd end: Int64, stride: Int64) -> Int64 {
        lengthWithTail(reserve(rowBytes: end - DataFileHeader.length), end, stride)
    }

    private static func lengthWithTail(_ bytes: Int64, _ end: Int64, _ stride: Int64) -> Int64 {
        end + (bytes + stride - 1) / stride * stride
    }

    /// Whether the file must be extended before rows that end at `end` are written.
    static func isNeeded(rowsEnd end: Int64, size: Int64) -> Bool {
        size < end + reserve(rowBytes: end - DataFileHeader.length)
    }

    /// The length that is left when half of the tail is given back, in whole rows; nil if there is no tail to halve.
    static func halvedLength(rowsEnd end: Int64, size: Int64, stride: Int64) -> Int64? {
        let length = end + (size - end) / 2 / stride * stride
        return length < size ? length : nil
    }
}
