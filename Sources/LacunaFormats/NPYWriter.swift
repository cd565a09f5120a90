/// Writes float32 rows as a NumPy `.npy` file: version 1.0, C order, little-endian, shape (rows, dimension).
///
/// The file appears under its name only in ``finish()``, whole and synced; until then it is `NAME.partial`, deleted
/// when anything fails or the writer is dropped.
package final class NPYWriter {
    /// The header has room for any row count, which is written when it is known. Its length is a multiple of 64, as
    /// NumPy aligns the data.
    private static let headerBytes = 128

    private let file: AtomicFile
    private let dimension: Int
    private var rows = 0

    /// - Parameter dimension: The number of components of a row, 1 to 65,536.
    package init(path: String, dimension: Int) throws(FormatError) {
        guard VectorLimits.dimensions.contains(dimension) else {
            throw VectorLimits.refusal(of: dimension).at(path)
        }
        file = try AtomicFile(path)
        self.dimension = dimension
        try file.append(Self.header(rows: 0, dimension: dimension))
    }

    /// Appends one row of `dimension` components.
    package func append(_ row: [Float]) throws(FormatError) {
        try VectorLimits.check(row, dimension: dimension, row: rows, path: file.path)
        try file.append(elements: row.span)
        rows += 1
    }

    /// Writes the row count, makes the file durable and gives it its name. Nothing can be appended after it.
    ///
    /// - Returns: The file's length in bytes.
    package func finish() throws(FormatError) -> Int {
        try file.finish(patching: Self.header(rows: rows, dimension: dimension))
    }

    /// The dictionary takes at most 103 bytes (19 digits for the rows, 5 for the dimension) of the 118 that there are.
    private static func header(rows: Int, dimension: Int) -> [UInt8] {
        let dictionary = Array("{'descr': '<f4', 'fortran_order': False, 'shape': (\(rows), \(dimension)), }".utf8)
        let textBytes = headerBytes - 10
        let padding = [UInt8](repeating: 0x20, count: textBytes - 1 - dictionary.count)
        return NPYHeader.magic + [1, 0, UInt8(textBytes), 0] + dictionary + padding + [0x0A]
    }
}
