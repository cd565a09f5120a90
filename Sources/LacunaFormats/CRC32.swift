/// The checksum of ZIP files.
struct CRC32: Equatable {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xEDB8_8320 }
    }

    private var state = UInt32.max

    var value: UInt32 { ~state }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        let table = Self.table
        var state = state
        unsafe bytes.forEach { state = state >> 8 ^ table[Int(UInt8(truncatingIfNeeded: state) ^ $0)] }
        self.state = state
    }
}
