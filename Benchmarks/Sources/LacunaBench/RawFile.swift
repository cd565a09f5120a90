import Foundation

/// Files of numbers without a header, in the byte order of this machine: little-endian.
enum RawFile {
    /// Numbers from `range`, or all of them.
    static func read<N: FixedWidthInteger>(_: N.Type, _ path: String, _ range: Range<Int>? = nil) throws -> [N] {
        try elements(path, range, zero: N.zero)
    }

    /// The vectors of the rows `rows`.
    static func vectors(_ path: String, _ rows: Range<Int>, _ dimension: Int) throws -> [[Float]] {
        let range = rows.lowerBound * dimension..<rows.upperBound * dimension
        let components: [Float] = try elements(path, range, zero: 0)
        return (0..<rows.count).map { Array(components[$0 * dimension..<($0 + 1) * dimension]) }
    }

    static func write<N>(_ numbers: [N], to path: String) throws {
        try numbers.withUnsafeBytes { Data($0) }.write(to: URL(fileURLWithPath: path))
    }

    private static func elements<N>(_ path: String, _ range: Range<Int>?, zero: N) throws -> [N] {
        let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        defer { try? file.close() }
        let size = MemoryLayout<N>.stride
        try file.seek(toOffset: UInt64((range?.lowerBound ?? 0) * size))
        let data = try (range.map { try file.read(upToCount: $0.count * size) } ?? file.readToEnd()) ?? Data()
        if let range, data.count != range.count * size { throw BadRequest(description: "\(path) is too short") }
        var numbers = [N](repeating: zero, count: data.count / size)
        numbers.withUnsafeMutableBytes { _ = data.copyBytes(to: $0) }
        return numbers
    }
}
