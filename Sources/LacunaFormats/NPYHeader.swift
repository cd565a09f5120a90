import CLacunaVectorKernels

/// The types of components that a .npy file may have here.
package enum NPYElement: String {
    case half = "f2"
    case single = "f4"
    case double = "f8"
    case int8 = "i1"

    var bytes: Int {
        switch self {
        case .int8: 1
        case .half: 2
        case .single: 4
        case .double: 8
        }
    }

    /// The type as NumPy writes it. A single byte has no order.
    var type: String { (self == .int8 ? "|" : "<") + rawValue }

    /// Nil for double, which only this library's files have.
    var kernel: lacuna_element? {
        switch self {
        case .half: LACUNA_FLOAT16
        case .single: LACUNA_FLOAT32
        case .int8: LACUNA_INT8
        case .double: nil
        }
    }
}

/// The header of a .npy file, checked against the file's length: the values that it announces are there.
struct NPYHeader {
    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    /// NumPy's own headers stay under 10,000 bytes; version 2 could announce 4 GiB.
    private static let maximumTextBytes = 65_536

    let element: NPYElement
    let rows: Int
    let dimension: Int
    /// The number of bytes before the first row.
    let dataOffset: Int

    init(_ file: InputFile) throws(FormatError) {
        do throws(FormatError) {
            let (text, dataOffset) = try Self.readText(file)
            var scanner = PythonLiteralScanner(bytes: text)
            let fields = try scanner.scanHeader()
            guard !fields.isFortranOrder else {
                throw FormatError.invalid(
                    "the array is in Fortran (column-major) order",
                    remedy: "save numpy.ascontiguousarray(array) instead"
                )
            }
            element = try Self.element(fields.type)
            (rows, dimension) = try Self.rowsAndDimension(fields.shape)
            self.dataOffset = dataOffset
            try checkLength(file.length.map { $0 - dataOffset })
        } catch {
            throw error.at(file.path)
        }
    }

    /// - Returns: The header's dictionary text, and the offset at which the data begin.
    private static func readText(_ file: InputFile) throws(FormatError) -> (text: [UInt8], dataOffset: Int) {
        let prefix = try file.peek(12)
        guard prefix.count >= 10, prefix.starts(with: magic) else {
            throw FormatError.invalid(
                "not a .npy file (it does not begin with \\x93NUMPY)",
                remedy: "save it with numpy.save"
            )
        }
        let textBytes: Int
        let textOffset: Int
        switch (prefix[6], prefix[7]) {
        case (1, 0):
            textBytes = Int(prefix[8]) | Int(prefix[9]) << 8
            textOffset = 10
        case (2, 0), (3, 0):
            guard prefix.count == 12 else { throw truncatedHeader }
            textBytes = (0..<4).reduce(0) { $0 | Int(prefix[8 + $1]) << (8 * $1) }
            textOffset = 12
        default:
            throw FormatError.invalid(
                ".npy version \(prefix[6]).\(prefix[7]) is not known (1.0, 2.0 and 3.0 are)",
                remedy: "save it with numpy.save"
            )
        }
        guard textBytes <= maximumTextBytes else {
            throw FormatError.invalid(
                "the .npy header claims \(textBytes) bytes, over the limit of \(maximumTextBytes)",
                remedy: "save the array again"
            )
        }
        var text: [UInt8] = []
        guard try file.readUpTo(textBytes, into: &text, at: textOffset) == textBytes else { throw truncatedHeader }
        return (text, textOffset + textBytes)
    }

    private static var truncatedHeader: FormatError {
        .invalid("the file ends within the .npy header", remedy: "copy or save it again")
    }

    private static func element(_ type: String) throws(FormatError) -> NPYElement {
        let name = String(type.dropFirst())
        if let element = NPYElement(rawValue: name) {
            switch type.first {
            // "=" is the writer's own order, and every platform for which this builds is little-endian.
            case "<", "=": return element
            case "|" where element == .int8: return element
            case ">":
                throw FormatError.invalid(
                    "the values are big-endian (dtype '\(type)')",
                    remedy: "save array.astype('<\(name)') instead"
                )
            default: break
            }
        }
        throw FormatError.invalid(
            "dtype '\(excerpt(type))' is not read ('<f4', '<f8', '<f2' and '|i1' are)",
            remedy: "save array.astype('<f4') instead"
        )
    }

    private static func rowsAndDimension(_ shape: [Int]) throws(FormatError) -> (rows: Int, dimension: Int) {
        let rows: Int
        let dimension: Int
        switch shape.count {
        case 1: (rows, dimension) = (1, shape[0])
        case 2: (rows, dimension) = (shape[0], shape[1])
        default:
            throw FormatError.invalid(
                "the array has \(shape.count) axes",
                remedy: "save one of shape (rows, dimension), or (dimension,) for one row"
            )
        }
        guard VectorLimits.dimensions.contains(dimension) else {
            throw VectorLimits.refusal(of: dimension)
        }
        return (rows, dimension)
    }

    /// - Parameter available: The bytes after the header; nil for standard input, whose end tells them.
    private func checkLength(_ available: Int?) throws(FormatError) {
        let (values, valuesOverflow) = rows.multipliedReportingOverflow(by: dimension)
        let (needed, bytesOverflow) = values.multipliedReportingOverflow(by: element.bytes)
        guard !valuesOverflow, !bytesOverflow else {
            throw FormatError.invalid(
                "the shape (\(rows), \(dimension)) is larger than any file",
                remedy: "save the array again"
            )
        }
        if let available, needed != available {
            let what = needed > available ? "is truncated" : "has trailing bytes"
            throw FormatError.invalid(
                "the file \(what): the shape (\(rows), \(dimension)) of '\(element.rawValue)' takes \(needed) bytes, "
                    + "and \(available) follow the header",
                remedy: "copy or save it again"
            )
        }
    }
}
