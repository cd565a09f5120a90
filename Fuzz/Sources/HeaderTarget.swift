import CLacunaPlatform
import Lacuna

/// A data file's first bytes, as they are, and with the right checksum.
struct HeaderTarget: Target {
    private static let length = Int(DataFileHeader.length)
    /// The offset at which the fields end, and the zeros begin.
    private static let fields = 56

    static func seeds() -> [[UInt8]] {
        [1, 384, 65_536].map { dimension in
            let header = DataFileHeader(
                store: (1...16).map { $0 },
                generation: Int64(dimension) << 40,
                dimension: dimension
            )
            return Array(header.encoded()[..<fields])
        }
    }

    func run(_ input: [UInt8]) throws {
        try decode(input)
        var bytes = Array(input.prefix(Self.length - 4))
        bytes += [UInt8](repeating: 0, count: Self.length - 4 - bytes.count)
        let checksum = unsafe bytes.withUnsafeBytes { unsafe lacuna_crc32c(0, $0.baseAddress, $0.count) }
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (8 * $0)) }
        try decode(bytes)
    }

    private func decode(_ bytes: [UInt8]) throws {
        let isUnfinished = DataFileHeader.isUnfinished(bytes)
        let header: DataFileHeader
        do throws(DataFileHeader.Flaw) { header = try DataFileHeader(decoding: bytes) } catch {
            if error == .blank && bytes.count == Self.length {
                try expect(isUnfinished, "a blank header is no unfinished one")
            }
            return
        }
        let encoded = header.encoded()
        try expect(encoded.count == Self.length, "\(encoded.count) bytes of header")
        try expect(encoded[..<Self.fields] == bytes[..<Self.fields], "\(header) is encoded otherwise")
        try expect(try DataFileHeader(decoding: encoded) == header, "\(header) is decoded otherwise")
    }
}
