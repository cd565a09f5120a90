#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Packs and unpacks the entries of the table `runs`: for each slot in order, its id and the checksum of its row.
///
/// | ids | bytes of an entry |
/// | --- | --- |
/// | integers | the integer's eight, then the checksum's four |
/// | UUIDs | the UUID's sixteen, then the checksum's four |
/// | texts | the length in LEB128, the UTF-8 bytes, then the checksum's four |
///
/// All numbers are little-endian. An entry of zeros, or an empty text with a checksum of 0, is that of a dead slot
/// whose id is no longer known.
struct RunCodec: Sendable {
    let kind: VectorIDKind

    /// The most bytes of a run with more than one slot: so a row of the table fits a page of 4 KiB.
    static let byteLimit = 4_048

    // MARK: Writing

    /// Appends an entry. An id of another kind becomes an unknown id.
    func append(_ id: SQLValue, _ checksum: UInt32, to bytes: inout [UInt8]) {
        switch (kind, id) {
        case (.integer, .integer(let integer)): Self.append(integer, to: &bytes)
        case (.text, .text(var text)):
            text.withUTF8 { utf8 in
                Self.appendLength(utf8.count, to: &bytes)
                unsafe bytes.append(contentsOf: utf8)
            }
        case (.uuid, .text(var text)):
            guard let uuid = text.withUTF8({ unsafe UUID(canonicalText: $0) }) else {
                return appendUnknown(to: &bytes)
            }
            unsafe withUnsafeBytes(of: uuid.uuid) { unsafe bytes.append(contentsOf: $0) }
        default: return appendUnknown(to: &bytes)
        }
        Self.append(checksum, to: &bytes)
    }

    func appendUnknown(to bytes: inout [UInt8]) {
        bytes.append(contentsOf: repeatElement(0, count: entryBytes ?? 5))
    }

    private static func append<I: FixedWidthInteger>(_ integer: I, to bytes: inout [UInt8]) {
        unsafe withUnsafeBytes(of: integer.littleEndian) { unsafe bytes.append(contentsOf: $0) }
    }

    private static func appendLength(_ length: Int, to bytes: inout [UInt8]) {
        var rest = length
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    // MARK: Reading

    /// The number of bytes of every entry; nil if entries differ.
    var entryBytes: Int? {
        switch kind {
        case .integer: 12
        case .uuid: 20
        case .text: nil
        }
    }

    /// Calls `body` with each entry's number, counted from 0, the bytes of its id, and its checksum. Safe for any
    /// bytes.
    ///
    /// - Throws: `damaged` if the bytes are not those of `count` entries.
    func forEachEntry(
        of bytes: UnsafeRawBufferPointer,
        count: Int,
        _ body: (Int, UnsafeRawBufferPointer, UInt32) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        var place = 0
        for number in 0..<count {
            let entry = try unsafe entry(at: &place, of: bytes)
            try unsafe body(number, entry.id, entry.checksum)
        }
        if place != bytes.count { throw Self.damaged }
    }

    /// One entry, by its number, counted from 0. With texts, it walks over the entries before it.
    func entry(
        _ number: Int,
        of bytes: UnsafeRawBufferPointer
    ) throws(VectorStoreError) -> (id: UnsafeRawBufferPointer, checksum: UInt32) {
        var place = 0
        if let entryBytes {
            place = number * entryBytes
        } else {
            for _ in 0..<number { _ = try unsafe entry(at: &place, of: bytes) }
        }
        return try unsafe entry(at: &place, of: bytes)
    }

    private func entry(
        at place: inout Int,
        of bytes: UnsafeRawBufferPointer
    ) throws(VectorStoreError) -> (id: UnsafeRawBufferPointer, checksum: UInt32) {
        let length: Int
        if let entryBytes { length = entryBytes - 4 } else { length = try unsafe Self.length(in: bytes, &place) }
        guard length >= 0, length <= bytes.count - 4 - place else { throw Self.damaged }
        let id = unsafe UnsafeRawBufferPointer(rebasing: bytes[place..<place + length])
        let checksum = unsafe bytes.loadUnaligned(fromByteOffset: place + length, as: UInt32.self)
        place += length + 4
        return unsafe (id, UInt32(littleEndian: checksum))
    }

    private static func length(in bytes: UnsafeRawBufferPointer, _ place: inout Int) throws(VectorStoreError) -> Int {
        var length = 0
        for shift in stride(from: 0, to: 35, by: 7) {
            guard place < bytes.count else { throw damaged }
            let byte = unsafe bytes[place]
            place += 1
            length |= Int(byte & 0x7f) << shift
            if byte < 0x80 { return length }
        }
        throw damaged
    }

    /// An entry's id; nil if it is not a valid id of the kind.
    func id(_ bytes: UnsafeRawBufferPointer) -> SQLValue? {
        switch kind {
        case .integer: .integer(Int64(littleEndian: unsafe bytes.loadUnaligned(as: Int64.self)))
        case .uuid: UUID(uuid: unsafe bytes.loadUnaligned(as: uuid_t.self)).sqlValue
        case .text: unsafe bytes.withMemoryRebound(to: UInt8.self) { unsafe String(utf8: $0) }.map { .text($0) }
        }
    }

    /// An entry's id as a key for the cache of ids.
    @inline(__always)
    func key(_ bytes: UnsafeRawBufferPointer) -> RowKey {
        switch kind {
        case .integer: RowKey(Int64(littleEndian: unsafe bytes.loadUnaligned(as: Int64.self)))
        case .uuid: unsafe RowKey(uuidBytes: bytes)
        case .text: unsafe RowKey(textBytes: bytes)
        }
    }

    static var damaged: VectorStoreError { .damaged("a row of the index's table `runs` is malformed") }
}

/// Entries of neighbouring slots that are to be written to the table `runs`.
struct PendingRun {
    private(set) var first: Slot
    private(set) var slots = 0
    private(set) var bytes: [UInt8] = []

    init(at first: Slot) { self.first = first }

    /// Makes a run that extends one of the table.
    init(at first: Slot, slots: Int, bytes: [UInt8]) {
        self.first = first
        self.slots = slots
        self.bytes = bytes
    }

    var end: Slot { first.advanced(by: slots) }

    /// Adds the entry of the slot ``end``. Returns false if the run has no room for it; then write the run first.
    mutating func append(_ id: SQLValue?, _ checksum: UInt32, _ codec: RunCodec) -> Bool {
        let before = bytes.count
        if let id { codec.append(id, checksum, to: &bytes) } else { codec.appendUnknown(to: &bytes) }
        if bytes.count > RunCodec.byteLimit && slots > 0 {
            bytes.removeLast(bytes.count - before)
            return false
        }
        slots += 1
        return true
    }
}
