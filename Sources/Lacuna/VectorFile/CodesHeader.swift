import CLacunaVectorKernels

/// The first 4,096 bytes of a file of codes: docs/format.md describes each byte.
struct CodesHeader: Equatable, Sendable {
    /// The header of the data file with the rows.
    let rows: DataFileHeader
    let metric: DistanceMetric
    /// A random number, which the file's row in the index has too.
    let nonce: Int64
    /// The number of rows of the coder's basis; 0 if it has none.
    let basisRows: Int
    /// The checksum of the coder's mean and basis, which follow the header.
    let coderChecksum: UInt32
    /// How far the basis is from being orthonormal. Computing it takes too long for each opening of the file.
    let deviation: Double

    static let length = 4_096
    private static let magic: [UInt8] = [0x89] + Array("LACUNC".utf8) + [0x0a]
    private static let formatVersion: UInt32 = 1

    // Each field begins where the one before it ends.
    private static let versionAt = magic.count
    private static let metricAt = versionAt + 4
    private static let storeAt = metricAt + 4
    private static let generationAt = storeAt + 16
    private static let nonceAt = generationAt + 8
    private static let dimensionAt = nonceAt + 8
    private static let basisRowsAt = dimensionAt + 4
    private static let coderChecksumAt = basisRowsAt + 4
    private static let deviationAt = coderChecksumAt + 4
    private static let checksumAt = length - 4

    var encoded: [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Self.length)
        bytes.replaceSubrange(0..<Self.magic.count, with: Self.magic)
        DataFileHeader.put(Self.formatVersion, at: Self.versionAt, in: &bytes)
        DataFileHeader.put(metric.kernel.rawValue, at: Self.metricAt, in: &bytes)
        bytes.replaceSubrange(Self.storeAt..<Self.generationAt, with: rows.store)
        DataFileHeader.put(UInt64(rows.generation), at: Self.generationAt, in: &bytes)
        DataFileHeader.put(UInt64(bitPattern: nonce), at: Self.nonceAt, in: &bytes)
        DataFileHeader.put(UInt32(rows.dimension), at: Self.dimensionAt, in: &bytes)
        DataFileHeader.put(UInt32(basisRows), at: Self.basisRowsAt, in: &bytes)
        DataFileHeader.put(coderChecksum, at: Self.coderChecksumAt, in: &bytes)
        DataFileHeader.put(deviation.bitPattern, at: Self.deviationAt, in: &bytes)
        let checksum = unsafe bytes.withUnsafeBytes {
            unsafe Self.checksum(UnsafeRawBufferPointer(rebasing: $0[..<Self.checksumAt]))
        }
        DataFileHeader.put(checksum, at: Self.checksumAt, in: &bytes)
        return bytes
    }

    /// Nil unless the bytes are those of a header for these rows, with this number.
    init?(_ bytes: [UInt8], _ rows: DataFileHeader, _ metric: DistanceMetric, nonce: Int64) {
        guard bytes.count == Self.length else { return nil }
        self.rows = rows
        self.metric = metric
        self.nonce = nonce
        basisRows = Int(DataFileHeader.get(UInt32.self, at: Self.basisRowsAt, in: bytes))
        coderChecksum = DataFileHeader.get(UInt32.self, at: Self.coderChecksumAt, in: bytes)
        deviation = Double(bitPattern: DataFileHeader.get(UInt64.self, at: Self.deviationAt, in: bytes))
        let most = rows.dimension <= Coder.mostBasisDimension ? min(Coder.mostBasisRows, rows.dimension - 1) : 0
        guard basisRows <= most, deviation >= 0, deviation.isFinite, bytes == encoded else { return nil }
    }

    init(_ rows: DataFileHeader, nonce: Int64, _ coder: Coder) {
        self.rows = rows
        metric = coder.metric
        self.nonce = nonce
        basisRows = coder.basisRows
        coderChecksum = unsafe Self.checksum(UnsafeRawBufferPointer(coder.floats))
        deviation = coder.deviation
    }

    /// The checksum of a coder's mean and basis.
    static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = Checksum()
        unsafe checksum.update(bytes)
        return checksum.value
    }
}

/// The places of codes in their file. The header is followed by the coder's mean and basis, then by tiles. A tile has
/// the first level of its rows, their second level, if there is one, and a checksum.
struct CodesLayout: Sendable {
    /// The slots of a tile.
    static let tileSlots = LACUNA_MOST_CODED_CANDIDATES
    private let tilesStart: Int
    private let firstLevelBytes: Int
    private let secondLevelBytes: Int
    private let blockBytes: Int
    private let rowBytes: Int

    /// Each tile begins at a multiple of this, and so do its blocks.
    private static let alignment = 64
    private static let checksumBytes = alignment

    init(_ coder: Coder) {
        tilesStart = Self.aligned(
            CodesHeader.length + (1 + coder.basisRows) * coder.dimension * MemoryLayout<Float>.stride
        )
        blockBytes = coder.blockBytes
        rowBytes = coder.secondLevelBytes
        firstLevelBytes = Self.tileSlots / Coder.blockRows * blockBytes
        secondLevelBytes = Self.tileSlots * rowBytes
    }

    private static func aligned(_ bytes: Int) -> Int { (bytes + alignment - 1) / alignment * alignment }

    /// The bytes of a tile without its checksum.
    var codesBytes: Int { firstLevelBytes + secondLevelBytes }
    var tileBytes: Int { Self.aligned(codesBytes) + Self.checksumBytes }
    /// The place of the checksum in a tile.
    var checksumAt: Int { Self.aligned(codesBytes) }

    /// The end of the last whole tile of slots before `next`.
    static func tilesEnd(before next: Slot) -> Slot { Slot(next.number / tileSlots * tileSlots) }

    func tile(of slot: Slot) -> Int { slot.number / Self.tileSlots }
    func offset(ofTile tile: Int) -> Int { tilesStart + tile * tileBytes }
    /// The bytes of a file with the codes of all slots below this one.
    func length(covering slots: Slot) -> Int { offset(ofTile: tile(of: slots)) }

    /// The place in a tile of the block with a slot.
    func block(of slot: Slot) -> Int { slot.number % Self.tileSlots / Coder.blockRows * blockBytes }
    /// The place in a tile of a slot's second level.
    func secondLevel(of slot: Slot) -> Int { firstLevelBytes + slot.number % Self.tileSlots * rowBytes }

    /// The checksum of a tile's codes. It differs if the tile is in another place, or in another file.
    static func checksum(_ codes: UnsafeRawBufferPointer, ofTile tile: Int, nonce: Int64) -> UInt32 {
        var checksum = Checksum()
        checksum.update(nonce)
        checksum.update(Int64(tile))
        unsafe checksum.update(codes)
        return checksum.value
    }
}
