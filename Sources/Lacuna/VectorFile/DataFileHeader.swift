/// The first 4,096 bytes of a data file, written once and never changed. docs/format.md describes each byte.
package struct DataFileHeader: Equatable, Sendable {
    /// The store's UUID, in its 16 bytes.
    let store: [UInt8]
    let generation: Int64
    let layout: RowLayout

    package init(store: [UInt8], generation: Int64, dimension: Int, _ element: ElementType = .float32) {
        self.init(store: store, generation: generation, RowLayout(dimension: dimension, element: element))
    }

    init(store: [UInt8], generation: Int64, _ layout: RowLayout) {
        self.store = store
        self.generation = generation
        self.layout = layout
    }

    /// The number of components of a row, 1 to 65,536.
    var dimension: Int { layout.dimension }

    package static let length: Int64 = 4_096
    static let dimensions = 1...65_536

    private static let magic: [UInt8] = [0x89] + Array("LACUNA".utf8) + [0x0a]
    private static let formatVersion: UInt32 = 1

    // Each field begins where the one before it ends.
    private static let versionAt = magic.count
    private static let lengthAt = versionAt + 4
    private static let storeAt = lengthAt + 4
    private static let generationAt = storeAt + 16
    private static let dimensionAt = generationAt + 8
    private static let elementAt = dimensionAt + 4
    private static let strideAt = elementAt + 4
    private static let checksumAt = Int(length) - 4

    package func encoded() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(Self.length))
        bytes.replaceSubrange(0..<Self.magic.count, with: Self.magic)
        Self.put(Self.formatVersion, at: Self.versionAt, in: &bytes)
        Self.put(UInt32(Self.length), at: Self.lengthAt, in: &bytes)
        bytes.replaceSubrange(Self.storeAt..<Self.generationAt, with: store)
        Self.put(UInt64(generation), at: Self.generationAt, in: &bytes)
        Self.put(UInt32(dimension), at: Self.dimensionAt, in: &bytes)
        Self.put(layout.element.headerCode, at: Self.elementAt, in: &bytes)
        Self.put(UInt64(layout.stride), at: Self.strideAt, in: &bytes)
        Self.put(Self.checksum(of: bytes), at: Self.checksumAt, in: &bytes)
        return bytes
    }

    /// The reason why a file's first bytes are not a header of ours.
    package enum Flaw: Error, Equatable {
        /// Nothing was ever written here: the file is shorter than a header, or all zeros. Rows follow the header's
        /// sync, so such a file holds no rows.
        case blank
        case foreign(String)
        case newer(UInt32)
    }

    package init(decoding bytes: [UInt8]) throws(Flaw) {
        if bytes.count < Int(Self.length) || bytes.allSatisfy({ $0 == 0 }) { throw .blank }
        guard Array(bytes[..<Self.magic.count]) == Self.magic else { throw .foreign("it has no Lacuna header") }
        guard Self.get(UInt32.self, at: Self.checksumAt, in: bytes) == Self.checksum(of: bytes) else {
            throw .foreign("its header's checksum is wrong")
        }
        let version = Self.get(UInt32.self, at: Self.versionAt, in: bytes)
        guard version == Self.formatVersion else { throw .newer(version) }
        let dimension = Int(Self.get(UInt32.self, at: Self.dimensionAt, in: bytes))
        let generation = Self.get(UInt64.self, at: Self.generationAt, in: bytes)
        let code = Self.get(UInt32.self, at: Self.elementAt, in: bytes)
        guard Self.get(UInt32.self, at: Self.lengthAt, in: bytes) == UInt32(Self.length),
            Self.dimensions.contains(dimension),
            (1...UInt64(Int64.max)).contains(generation),
            let element = ElementType.allCases.first(where: { $0.headerCode == code }),
            case let layout = RowLayout(dimension: dimension, element: element),
            Self.get(UInt64.self, at: Self.strideAt, in: bytes) == UInt64(layout.stride)
        else { throw .foreign("a field of its header is out of range") }
        self.init(store: Array(bytes[Self.storeAt..<Self.generationAt]), generation: Int64(generation), layout)
    }

    /// Whether a file's bytes are those of a header that a crash kept from being written completely: each is a zero or
    /// the byte that belongs there. Such a file holds no rows, since these follow the header's sync. The dimension, and
    /// what depends on it, may have any values; if `header` is nil, all fields may.
    package static func isUnfinished(_ bytes: [UInt8], of header: DataFileHeader? = nil) -> Bool {
        guard bytes.count <= Int(length) else { return false }
        let known = header?.encoded() ?? magic + [UInt8](repeating: 0, count: Int(length) - magic.count)
        return bytes.enumerated().allSatisfy { index, byte in
            if byte == 0 || byte == known[index] || index >= checksumAt { return true }
            let free = header == nil ? [versionAt..<strideAt + 8] : [dimensionAt..<elementAt, strideAt..<strideAt + 8]
            return free.contains { $0.contains(index) }
        }
    }

    private static func checksum(of bytes: [UInt8]) -> UInt32 {
        var checksum = Checksum()
        unsafe bytes.withUnsafeBytes { unsafe checksum.update(UnsafeRawBufferPointer(rebasing: $0[..<checksumAt])) }
        return checksum.value
    }

    static func put<I: FixedWidthInteger>(_ value: I, at index: Int, in bytes: inout [UInt8]) {
        for byte in 0..<MemoryLayout<I>.size {
            bytes[index + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte))
        }
    }

    static func get<I: FixedWidthInteger>(_: I.Type, at index: Int, in bytes: [UInt8]) -> I {
        (0..<MemoryLayout<I>.size).reduce(0) { $0 | I(bytes[index + $1]) << (8 * $1) }
    }
}
