/// Reads the rows of an `.fvecs` file: each row is its dimension as a little-endian int32, then that many float32.
///
/// Opening checks the first row's dimension, and that the file's length is a whole number of rows. Reading a row checks
/// its dimension, and ``validate()`` checks all dimensions. NaN and infinity are passed on. Rows are counted from 0.
package final class FVECSReader {
    /// The most words (of 4 bytes) that are read at a time, unless a row is longer: 1 MiB.
    private static let chunkWords = 1 << 18

    package let rows: Int
    package let dimension: Int
    private let file: InputFile
    private var nextRow = 0
    private var words: [UInt32] = []

    /// A row on disk: the dimension, then the components.
    private var wordsPerRow: Int { dimension + 1 }

    /// - Throws: `.unreadable` if there is no such file or it cannot be opened, `.invalid` if it is not such a file.
    package init(path: String) throws(FormatError) {
        file = try InputFile(path)
        guard file.length >= 4 else {
            let what = file.length == 0 ? "is empty" : "is too short"
            throw FormatError.invalid(
                path,
                "the file \(what), and .fvecs has its dimension in every row",
                remedy: "add a row"
            )
        }
        try file.read(1, into: &words, at: 0)
        dimension = Int(Int32(bitPattern: words[0]))
        guard VectorLimits.dimensions.contains(dimension) else {
            throw VectorLimits.refusal(of: dimension).at("\(path): row 0")
        }
        let rowBytes = 4 * (dimension + 1)
        guard file.length.isMultiple(of: rowBytes) else {
            throw FormatError.invalid(
                path,
                "the file is truncated or not .fvecs: its \(file.length) bytes are not whole rows of \(rowBytes) "
                    + "(dimension \(dimension))",
                remedy: "copy or save it again"
            )
        }
        rows = file.length / rowBytes
    }

    /// Checks the dimension of every row, so that an import can refuse the file before its first write.
    ///
    /// Reads the file once, in chunks. The position of ``next(_:into:)`` doesn't change.
    package func validate() throws(FormatError) {
        var row = 0
        while row < rows {
            row += try readChunk(rows - row, from: row)
        }
    }

    /// Reads the next rows, at most `maximumRows` of them, into `buffer`, row after row, without their dimensions.
    ///
    /// `buffer` is resized to the rows read × `dimension`; pass the same one again to save the allocation.
    /// - Returns: The number of rows read, 0 at the end.
    package func next(_ maximumRows: Int, into buffer: inout [Float]) throws(FormatError) -> Int {
        let count = max(0, min(maximumRows, rows - nextRow))
        if buffer.count != count * dimension {
            buffer = [Float](repeating: 0, count: count * dimension)
        }
        var done = 0
        while done < count {
            let part = try readChunk(count - done, from: nextRow + done)
            for row in 0..<part {
                let source = row * wordsPerRow + 1
                let target = (done + row) * dimension
                for component in 0..<dimension {
                    buffer[target + component] = Float(bitPattern: words[source + component])
                }
            }
            done += part
        }
        nextRow += count
        return count
    }

    /// Fills `words` with whole rows, at most `maximumRows`, and checks their dimensions. Returns the number of rows
    /// read.
    private func readChunk(_ maximumRows: Int, from firstRow: Int) throws(FormatError) -> Int {
        let count = min(maximumRows, max(1, Self.chunkWords / wordsPerRow))
        try file.read(count * wordsPerRow, into: &words, at: 4 * firstRow * wordsPerRow)
        for row in 0..<count {
            let found = Int32(bitPattern: words[row * wordsPerRow])
            guard Int(found) == dimension else {
                throw FormatError.invalid(
                    file.path,
                    "row \(firstRow + row) says dimension \(found), and row 0 said \(dimension)",
                    remedy: "write all rows with one dimension"
                )
            }
        }
        return count
    }
}
