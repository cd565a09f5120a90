import CLacunaPlatform

/// CRC-32C (Castagnoli), which iSCSI and ext4 use: RFC 3720, section 12.1.
@usableFromInline
package struct Checksum: Equatable, Sendable {
    @usableFromInline package private(set) var value: UInt32

    @inlinable package init(value: UInt32 = 0) { self.value = value }

    package mutating func update(_ bytes: UnsafeRawBufferPointer) {
        value = unsafe lacuna_crc32c(value, bytes.baseAddress, bytes.count)
    }

    package mutating func update(_ text: String) {
        var text = text
        text.withUTF8 { unsafe update(UnsafeRawBufferPointer($0)) }
    }

    /// Adds the integer's eight bytes, lowest first.
    package mutating func update(_ integer: Int64) {
        unsafe withUnsafeBytes(of: integer.littleEndian) { unsafe update($0) }
    }
}
