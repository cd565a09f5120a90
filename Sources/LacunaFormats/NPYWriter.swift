import CLacunaVectorKernels

/// Writes rows as a NumPy `.npy` file: version 1.0, C order, little-endian, shape (rows, dimension).
///
/// The file appears under its name only in ``finish()``, whole and synced; until then it is `NAME.lacuna-partial`, deleted
/// when anything fails or the writer is dropped.
package final class NPYWriter {
    /// The header has room for any row count, which is written when it is known. Its length is a multiple of 64, as
    /// NumPy aligns the data.
    private static let headerBytes = 128

    private let file: AtomicFile
    private let dimension: Int
    private let element: NPYElement
    private var rows = 0

    /// - Parameters:
    ///   - dimension: The number of components of a row, 1 to 65,536.
    ///   - element: The type of the components in the file.
    package convenience init(path: String, dimension: Int, element: NPYElement = .single) throws(FormatError) {
        try self.init(AtomicFile(path), dimension: dimension, element: element)
    }

    init(_ file: AtomicFile, dimension: Int, element: NPYElement) throws(FormatError) {
        guard VectorLimits.dimensions.contains(dimension) else {
            throw VectorLimits.refusal(of: dimension).at(file.path)
        }
        self.file = file
        self.dimension = dimension
        self.element = element
        try file.append(header)
    }

    /// Appends one row of `dimension` components, which the file's type must be able to hold.
    package func append(_ row: [Float]) throws(FormatError) {
        try VectorLimits.check(row, dimension: dimension, row: rows, path: file.path)
        switch element.kernel {
        case LACUNA_FLOAT32: try file.append(elements: row.span)
        case nil:
            let doubles = row.map(Double.init)
            try file.append(elements: doubles.span)
        case let kernel?: try append(row, kernel)
        }
        rows += 1
    }

    private func append(_ row: [Float], _ kernel: lacuna_element) throws(FormatError) {
        var stored = [UInt8](repeating: 0, count: dimension * element.bytes)
        var firstRefused = 0
        guard unsafe lacuna_narrow(kernel, row, dimension, &stored, &firstRefused) else {
            throw FormatError.invalid(
                file.path,
                "row \(rows), component \(firstRefused): \(row[firstRefused]) has no place in a file of \(element.type)",
                remedy: "write a file of another type"
            )
        }
        try file.append(stored)
    }

    /// Writes the row count, makes the file durable and gives it its name. Nothing can be appended after it.
    ///
    /// - Returns: The file's length in bytes.
    package func finish() throws(FormatError) -> Int {
        try file.finish(patching: header)
    }

    /// Writes the row count, and makes the file durable under its temporary name.
    func complete() throws(FormatError) { try file.complete(patching: header) }

    /// The dictionary takes at most 103 bytes (19 digits for the rows, 5 for the dimension) of the 118 that there are.
    private var header: [UInt8] {
        let shape = "(\(rows), \(dimension))"
        let dictionary = Array("{'descr': '\(element.type)', 'fortran_order': False, 'shape': \(shape), }".utf8)
        let textBytes = Self.headerBytes - 10
        let padding = [UInt8](repeating: 0x20, count: textBytes - 1 - dictionary.count)
        return NPYHeader.magic + [1, 0, UInt8(textBytes), 0] + dictionary + padding + [0x0A]
    }
}
