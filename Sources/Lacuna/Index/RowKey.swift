#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// An id in twelve bytes, for a table in memory.
///
/// An integer is itself. Of a text or a UUID it is 96 bits of a keyed hash (Swift's `Hasher`, SipHash-1-3, whose key is drawn
/// when the process starts): that any two of n ids meet has the probability n²/2⁹⁷, 10⁻¹³ for a hundred million.
struct RowKey: Equatable, Sendable {
    let high: UInt64
    let low: UInt32

    init(_ integer: Int64) {
        high = UInt64(bitPattern: integer)
        low = 0
    }

    init(bytes: UnsafeRawBufferPointer) {
        var first = Hasher()
        unsafe first.combine(bytes: bytes)
        var second = first
        second.combine(1 as UInt8)
        high = UInt64(bitPattern: Int64(first.finalize()))
        low = UInt32(truncatingIfNeeded: second.finalize())
    }

    init(_ uuid: UUID) {
        self = unsafe withUnsafeBytes(of: uuid.uuid) { unsafe RowKey(bytes: $0) }
    }

    /// The key of an id as the index stores it; nil for what is no id of this kind.
    init?(_ id: SQLValue, _ kind: VectorIDKind) {
        switch (id, kind) {
        case (.integer(let integer), .integer): self.init(integer)
        case (.text(var text), .text): self = text.withUTF8 { unsafe RowKey(bytes: UnsafeRawBufferPointer($0)) }
        case (.text(var text), .uuid):
            guard let key = text.withUTF8({ unsafe RowKey(canonicalUUID: $0) }) else { return nil }
            self = key
        default: return nil
        }
    }

    /// The key of a UUID's canonical lower-case text; nil for any other.
    init?(canonicalUUID text: UnsafeBufferPointer<UInt8>) {
        guard text.count == 36 else { return nil }
        var uuid: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        let isUUID = unsafe withUnsafeMutableBytes(of: &uuid) { bytes in
            var position = 0
            for index in bytes.indices {
                if index == 4 || index == 6 || index == 8 || index == 10 {
                    guard unsafe text[position] == UInt8(ascii: "-") else { return false }
                    position += 1
                }
                guard let high = unsafe Self.digit(text[position]), let low = unsafe Self.digit(text[position + 1])
                else { return false }
                unsafe bytes[index] = high << 4 | low
                position += 2
            }
            return true
        }
        if !isUUID { return nil }
        self = unsafe withUnsafeBytes(of: uuid) { unsafe RowKey(bytes: $0) }
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

extension VectorID {
    /// Without a detour by SQL's types for the three that come with the library.
    @inline(__always)
    var rowKey: RowKey? {
        if Self.self == Int64.self { return RowKey(unsafe unsafeBitCast(self, to: Int64.self)) }
        if Self.self == UUID.self { return RowKey(unsafe unsafeBitCast(self, to: UUID.self)) }
        return RowKey(sqlValue, Self.idKind)
    }
}
