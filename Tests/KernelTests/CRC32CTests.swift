import CLacunaPlatform
import TestSupport
import Testing

@Suite("CRC-32C")
struct CRC32CTests {
    private func crc(_ bytes: some Collection<UInt8>, continuing crc: UInt32 = 0) -> UInt32 {
        let bytes = Array(bytes)
        return unsafe lacuna_crc32c(crc, bytes, bytes.count)
    }

    /// The last is the SCSI Read (10) command of the RFC.
    static let published: [(bytes: [UInt8], crc: UInt32)] = [
        (Array("123456789".utf8), 0xE306_9283),
        ([UInt8](repeating: 0, count: 32), 0x8A91_36AA),
        ([UInt8](repeating: 0xFF, count: 32), 0x62A8_AB43),
        (Array(0...31), 0x46DD_794E),
        ((0...31).reversed(), 0x113F_DB5C),
        (
            [
                0x01, 0xC0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
                0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18,
                0x28, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
            ], 0xD996_3A56
        ),
    ]

    @Test("the published vectors (RFC 3720, appendix B.4)", arguments: published)
    func publishedVectors(bytes: [UInt8], expected: UInt32) {
        #expect(crc(bytes) == expected)
        #expect(crc32c(bytes) == expected)
    }

    @Test("every length, split anywhere, equals the bitwise definition")
    func splits() {
        var random = SplitMix64(seed: 10)
        let bytes = random.bytes(300)
        for count in 0...bytes.count {
            let whole = crc32c(bytes.prefix(count))
            #expect(crc(bytes.prefix(count)) == whole, "\(count) bytes")
            for split in 0...count {
                let head = crc(bytes[..<split])
                #expect(crc(bytes[split..<count], continuing: head) == whole, "\(count) bytes, split at \(split)")
            }
        }
    }

    @Test("long input, at every alignment", arguments: [767, 768, 769, 1535, 1536, 1543, 3072, 100_003])
    func long(count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        let bytes = random.bytes(count + 8)
        for start in 0..<8 {
            let expected = crc32c(bytes[start..<start + count])
            let found = unsafe bytes.withUnsafeBytes { bytes in
                let part = unsafe UnsafeRawBufferPointer(rebasing: bytes[start..<start + count])
                return unsafe lacuna_crc32c(0, part.baseAddress, count)
            }
            #expect(found == expected, "from byte \(start)")
        }
    }

    @Test("long input, split anywhere")
    func longSplits() {
        var random = SplitMix64(seed: 11)
        let bytes = random.bytes(1600)
        let whole = crc32c(bytes)
        for split in 0...bytes.count {
            #expect(crc(bytes[split...], continuing: crc(bytes[..<split])) == whole, "split at \(split)")
        }
    }

    @Test("many tasks at once")
    func concurrent() async {
        var random = SplitMix64(seed: 12)
        let bytes = random.bytes(5000)
        let expected = crc32c(bytes)
        await withTaskGroup(of: UInt32.self) { group in
            for _ in 0..<16 { group.addTask { crc(bytes) } }
            for await found in group { #expect(found == expected) }
        }
    }
}
