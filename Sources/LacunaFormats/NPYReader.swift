import CLacunaVectorKernels

/// Reads the rows of a NumPy `.npy` file: versions 1.0 to 3.0, C order, little-endian float32, float64, float16 or int8,
/// of shape (rows, dimension), or (dimension,) for a single row.
///
/// Opening checks the header against the file's length, so that a file with a wrong header, or one that was cut short,
/// is refused before a row is read. Values become float32; NaN and infinity are passed on, a finite float64 beyond
/// float32's range is refused. Rows and components are counted from 0.
package final class NPYReader {
    /// The number of values converted at a time. It bounds the memory of a read, apart from the caller's own buffer, to
    /// 2 MiB.
    private static let conversionValues = 1 << 18

    package let rows: Int
    package let dimension: Int
    private let element: NPYElement
    private let dataOffset: Int
    private let file: InputFile
    private var nextRow = 0
    private var stored: [UInt8] = []
    private var doubles: [Double] = []

    /// - Throws: `.unreadable` if there is no such file or it cannot be opened, `.invalid` if it is not such a file.
    package convenience init(_ source: RowSource) throws(FormatError) { try self.init(InputFile(source)) }

    package convenience init(path: String) throws(FormatError) { try self.init(.file(path)) }

    init(_ file: InputFile) throws(FormatError) {
        self.file = file
        let header = try NPYHeader(file)
        rows = header.rows
        dimension = header.dimension
        element = header.element
        dataOffset = header.dataOffset
    }

    /// Reads the next rows, at most `maximumRows` of them, into `buffer`, row after row.
    ///
    /// `buffer` is resized to the rows read × `dimension`; pass the same one again to save the allocation.
    /// - Returns: The number of rows read, 0 at the end.
    package func next(_ maximumRows: Int, into buffer: inout [Float]) throws(FormatError) -> Int {
        let count = max(0, min(maximumRows, rows - nextRow))
        if count == 0 && file.length == nil { try requireEnd() }
        try read(count, from: nextRow, into: &buffer)
        nextRow += count
        return count
    }

    /// Reads one row. The position of ``next(_:into:)`` doesn't change.
    ///
    /// - Parameter index: The row's index, counted from 0; an index beyond the file's rows is refused.
    package func row(_ index: Int) throws(FormatError) -> [Float] {
        guard index >= 0, index < rows else {
            throw FormatError.invalid(
                file.path,
                "there is no row \(index) among \(rows)",
                remedy: "name a row from 0 up to, not including, \(rows)"
            )
        }
        var buffer: [Float] = []
        try read(1, from: index, into: &buffer)
        return buffer
    }

    /// A file's length was compared with its header when it was opened; standard input has no length.
    private func requireEnd() throws(FormatError) {
        let end = dataOffset + rows * dimension * element.bytes
        guard try file.readUpTo(1, into: &stored, at: end) == 0 else {
            throw FormatError.invalid(file.path, "bytes follow its \(counted(rows, "row"))", remedy: "save it again")
        }
    }

    /// No product here overflows: the header was checked for that.
    private func read(_ count: Int, from firstRow: Int, into buffer: inout [Float]) throws(FormatError) {
        let firstValue = firstRow * dimension
        let values = count * dimension
        if case .single = element {
            return try file.read(values, into: &buffer, at: dataOffset + firstValue * element.bytes)
        }
        if buffer.count != values {
            buffer = [Float](repeating: 0, count: values)
        }
        var done = 0
        while done < values {
            let part = min(Self.conversionValues, values - done)
            let offset = dataOffset + (firstValue + done) * element.bytes
            if let kernel = element.kernel {
                try file.read(part * element.bytes, into: &stored, at: offset)
                unsafe buffer.withUnsafeMutableBufferPointer { buffer in
                    let floats = unsafe UnsafeMutableBufferPointer(rebasing: buffer[done..<done + part])
                    unsafe lacuna_widen(kernel, stored, part, floats.baseAddress)
                }
            } else {
                try file.read(part, into: &doubles, at: offset)
                for index in 0..<part {
                    buffer[done + index] = try narrowed(doubles[index], valueIndex: firstValue + done + index)
                }
            }
            done += part
        }
    }

    private func narrowed(_ value: Double, valueIndex: Int) throws(FormatError) -> Float {
        let single = Float(value)
        guard single.isFinite || !value.isFinite else {
            throw FormatError.invalid(
                file.path,
                "row \(valueIndex / dimension), component \(valueIndex % dimension): \(value) is beyond float32's range "
                    + "(about 3.4e38)",
                remedy: "scale the vectors down"
            )
        }
        return single
    }
}
