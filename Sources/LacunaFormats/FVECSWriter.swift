/// Writes float32 rows as an `.fvecs` file: each row is its dimension as a little-endian int32, then its components.
///
/// The file appears under its name only in ``finish()``, whole and synced; until then it is `NAME.lacuna-partial`, deleted
/// when anything fails or the writer is dropped. A file without rows is empty, and has no dimension.
package final class FVECSWriter {
    private let file: AtomicFile
    private let dimension: Int
    private var rows = 0

    /// - Parameter dimension: The number of components of a row, 1 to 65,536.
    package convenience init(path: String, dimension: Int) throws(FormatError) {
        try self.init(AtomicFile(path), dimension: dimension)
    }

    init(_ file: AtomicFile, dimension: Int) throws(FormatError) {
        guard VectorLimits.dimensions.contains(dimension) else {
            throw VectorLimits.refusal(of: dimension).at(file.path)
        }
        self.file = file
        self.dimension = dimension
    }

    /// Appends one row of `dimension` components.
    package func append(_ row: [Float]) throws(FormatError) {
        try VectorLimits.check(row, dimension: dimension, row: rows, path: file.path)
        try file.append((0..<4).map { UInt8(truncatingIfNeeded: dimension >> (8 * $0)) })
        try file.append(elements: row.span)
        rows += 1
    }

    /// Makes the file durable and gives it its name. Nothing can be appended after it.
    ///
    /// - Returns: The file's length in bytes.
    package func finish() throws(FormatError) -> Int {
        try file.finish()
    }
}
