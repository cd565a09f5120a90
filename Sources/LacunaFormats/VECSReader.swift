/// Reads the rows of an `.fvecs` or `.bvecs` file: each row is its dimension as a little-endian int32, then that many
/// float32 or bytes.
///
/// Opening checks the first row's dimension, and that a file's length is a whole number of rows. Reading a row checks
/// its dimension. NaN and infinity are passed on. Rows are counted from 0.
package final class VECSReader {
    package enum Component: String, Sendable {
        case float32 = "fvecs"
        case uint8 = "bvecs"

        fileprivate var bytes: Int { self == .float32 ? 4 : 1 }
    }

    /// The most bytes that are read at a time, unless a row is longer: 1 MiB.
    private static let chunkBytes = 1 << 20
    private static let headBytes = 4

    /// Nil for standard input, whose end tells it.
    package let rows: Int?
    package let dimension: Int
    private let component: Component
    private let file: InputFile
    private var nextRow = 0
    private var stored: [UInt8] = []

    /// A row on disk: the dimension, then the components.
    private var rowBytes: Int { Self.headBytes + dimension * component.bytes }

    /// - Throws: `.unreadable` if there is no such file or it cannot be opened, `.invalid` if it is not such a file.
    package init(_ source: RowSource, _ component: Component = .float32) throws(FormatError) {
        file = try InputFile(source)
        self.component = component
        let head = try file.peek(Self.headBytes)
        guard head.count == Self.headBytes else {
            let what = head.isEmpty ? "is empty" : "is too short"
            throw FormatError.invalid(
                file.path,
                "the file \(what), and .\(component.rawValue) has its dimension in every row",
                remedy: "add a row"
            )
        }
        dimension = Self.dimension(head, at: 0)
        guard VectorLimits.dimensions.contains(dimension) else {
            throw VectorLimits.refusal(of: dimension).at("\(file.path): row 0")
        }
        let rowBytes = Self.headBytes + dimension * component.bytes
        if let length = file.length, !length.isMultiple(of: rowBytes) {
            throw FormatError.invalid(
                file.path,
                "the file is truncated or not .\(component.rawValue): its \(length) bytes are not whole rows of "
                    + "\(rowBytes) (dimension \(dimension))",
                remedy: "copy or save it again"
            )
        }
        rows = file.length.map { $0 / rowBytes }
    }

    package convenience init(path: String) throws(FormatError) { try self.init(.file(path)) }

    /// Reads the next rows, at most `maximumRows` of them, into `buffer`, row after row, without their dimensions.
    ///
    /// `buffer` is resized to the rows read × `dimension`; pass the same one again to save the allocation.
    /// - Returns: The number of rows read, 0 at the end.
    package func next(_ maximumRows: Int, into buffer: inout [Float]) throws(FormatError) -> Int {
        let wanted = min(maximumRows, rows.map { $0 - nextRow } ?? .max)
        buffer.removeAll(keepingCapacity: true)
        var done = 0
        while done < wanted {
            let part = try readChunk(wanted - done)
            if part == 0 { break }
            for row in 0..<part { append(row, to: &buffer) }
            done += part
        }
        return done
    }

    private func append(_ row: Int, to buffer: inout [Float]) {
        let begin = row * rowBytes + Self.headBytes
        switch component {
        case .uint8: buffer.append(contentsOf: stored[begin..<begin + dimension].lazy.map(Float.init))
        case .float32:
            unsafe stored.withUnsafeBytes { stored in
                for index in 0..<dimension {
                    let bits = unsafe stored.loadUnaligned(fromByteOffset: begin + 4 * index, as: UInt32.self)
                    buffer.append(Float(bitPattern: bits))
                }
            }
        }
    }

    /// Fills `stored` with whole rows, at most `maximumRows`, and checks their dimensions. Returns the number of rows
    /// read.
    private func readChunk(_ maximumRows: Int) throws(FormatError) -> Int {
        let wanted = min(maximumRows, max(1, Self.chunkBytes / rowBytes))
        let offset = nextRow * rowBytes
        var found = wanted * rowBytes
        if rows == nil {
            found = try file.readUpTo(found, into: &stored, at: offset)
        } else {
            try file.read(found, into: &stored, at: offset)
        }
        let count = found / rowBytes
        for row in 0..<count {
            let said = Self.dimension(stored, at: row * rowBytes)
            guard said == dimension else {
                throw FormatError.invalid(
                    file.path,
                    "row \(nextRow + row) says dimension \(said), and row 0 said \(dimension)",
                    remedy: "write all rows with one dimension"
                )
            }
        }
        nextRow += count
        guard found.isMultiple(of: rowBytes) else {
            throw FormatError.invalid(file.path, "row \(nextRow) is cut short", remedy: "send it again")
        }
        return count
    }

    private static func dimension(_ bytes: [UInt8], at offset: Int) -> Int {
        Int((0..<4).reduce(Int32(0)) { $0 | Int32(bytes[offset + $1]) << (8 * Int32($1)) })
    }
}
