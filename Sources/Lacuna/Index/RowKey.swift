#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// An id in sixteen bytes, for a table in memory.
///
/// The key of an integer or a UUID is its value. The key of a text is 128 bits of a keyed hash (Swift's `Hasher`,
/// SipHash-1-3, whose key is drawn when the process starts): the probability that any two of n ids have the same key is
/// n²/2¹²⁹.
struct RowKey: Hashable, Sendable {
    let high: UInt64
    let low: UInt64

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    init(_ integer: Int64) {
        high = UInt64(bitPattern: integer)
        low = 0
    }

    init(textBytes bytes: UnsafeRawBufferPointer) {
        var first = Hasher()
        unsafe first.combine(bytes: bytes)
        var second = first
        second.combine(1 as UInt8)
        high = UInt64(bitPattern: Int64(first.finalize()))
        low = UInt64(bitPattern: Int64(second.finalize()))
    }

    init(_ uuid: UUID) {
        self = unsafe withUnsafeBytes(of: uuid.uuid) { unsafe RowKey(uuidBytes: $0) }
    }

    /// The key of a UUID's sixteen bytes.
    init(uuidBytes bytes: UnsafeRawBufferPointer) {
        high = unsafe bytes.loadUnaligned(as: UInt64.self)
        low = unsafe bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
    }

    /// The id as the index stores it; nil for the key of a text, which can't be read back.
    func id(_ kind: VectorIDKind) -> SQLValue? {
        switch kind {
        case .integer: return .integer(Int64(bitPattern: high))
        case .text: return nil
        case .uuid:
            var uuid: uuid_t = (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
            unsafe withUnsafeMutableBytes(of: &uuid) { bytes in
                unsafe bytes.storeBytes(of: high, as: UInt64.self)
                unsafe bytes.storeBytes(of: low, toByteOffset: 8, as: UInt64.self)
            }
            return UUID(uuid: uuid).sqlValue
        }
    }

    /// The key of an id as the index stores it; nil for a value that is no id of this kind.
    init?(_ id: SQLValue, _ kind: VectorIDKind) {
        switch (id, kind) {
        case (.integer(let integer), .integer): self.init(integer)
        case (.text(var text), .text): self = text.withUTF8 { unsafe RowKey(textBytes: UnsafeRawBufferPointer($0)) }
        case (.text(var text), .uuid):
            guard let key = text.withUTF8({ unsafe RowKey(canonicalUUID: $0) }) else { return nil }
            self = key
        default: return nil
        }
    }

    /// The key of a UUID's canonical lower-case text; nil for any other.
    init?(canonicalUUID text: UnsafeBufferPointer<UInt8>) {
        guard let uuid = unsafe UUID(canonicalText: text) else { return nil }
        self.init(uuid)
    }
}

extension VectorID {
    /// The id's key. For the library's own types it is made without the detour by `SQLValue`.
    @inline(__always)
    var rowKey: RowKey? {
        if Self.self == Int64.self { return RowKey(unsafe unsafeBitCast(self, to: Int64.self)) }
        if Self.self == Int.self { return RowKey(Int64(unsafe unsafeBitCast(self, to: Int.self))) }
        if Self.self == UUID.self { return RowKey(unsafe unsafeBitCast(self, to: UUID.self)) }
        return RowKey(sqlValue, Self.idKind)
    }
}
