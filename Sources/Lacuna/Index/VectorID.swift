#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// The type of a store's ids, which is fixed when the store is created.
public enum VectorIDKind: String, Sendable, CaseIterable {
    /// `Int64` or `Int`, stored as an SQLite integer.
    case integer
    /// `String`, stored, compared and ordered as UTF-8 bytes, without NUL. A composed and a decomposed é are two ids,
    /// although Swift's `==` finds them equal.
    case text
    /// `UUID`, stored and ordered as its canonical lower-case text.
    case uuid
}

/// A type of id: `Int64`, `Int`, `String` or `UUID`, or a type of your own for the ids of one kind of thing.
///
/// A type with one of these as its raw value needs no code:
///
///     struct Photo {
///         struct ID: RawRepresentable, VectorID { let rawValue: UUID }
///     }
///     let store = try VectorStore<Photo.ID>.open(at: path)
///
/// Another type says what the index stores. `put` refuses an id with `invalidID` unless the stored value is of the
/// type's kind, and the same id can be made of it again.
///
/// **Cost.** An id of a type of your own is converted in each call: a fraction of a microsecond, and an allocation if
/// the index stores a text. The four types above aren't converted to be checked or to be looked up.
public protocol VectorID: Hashable, FilterValue {
    /// The kind of these ids, which the store records. Types of the same kind can open the same store.
    static var idKind: VectorIDKind { get }
    /// The id as the index stores it: an integer, or a text without NUL. For the kind `uuid` it is the UUID's text in
    /// lower case.
    var sqlValue: SQLValue { get }
    /// The id that the index stores as this value; nil if there is none.
    init?(sqlValue: SQLValue)
}

extension Int64: VectorID {
    /// `integer`.
    public static var idKind: VectorIDKind { .integer }

    /// The integer itself.
    public var sqlValue: SQLValue { .integer(self) }

    /// The integer of an index row.
    public init?(sqlValue: SQLValue) {
        guard case .integer(let integer) = sqlValue else { return nil }
        self = integer
    }
}

extension Int: VectorID {
    /// `integer`.
    public static var idKind: VectorIDKind { .integer }

    /// The integer itself.
    public var sqlValue: SQLValue { .integer(Int64(self)) }

    /// The integer of an index row.
    public init?(sqlValue: SQLValue) {
        guard case .integer(let integer) = sqlValue else { return nil }
        self.init(exactly: integer)
    }
}

extension String: VectorID {
    /// `text`.
    public static var idKind: VectorIDKind { .text }

    /// The text itself.
    public var sqlValue: SQLValue { .text(self) }

    /// The text of an index row.
    public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue else { return nil }
        self = text
    }
}

extension UUID {
    /// The UUID of its canonical lower-case text; nil for any other text.
    init?(canonicalText text: UnsafeBufferPointer<UInt8>) {
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
        self.init(uuid: uuid)
    }

    private static func digit(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): character - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

extension UUID: VectorID {
    /// `uuid`.
    public static var idKind: VectorIDKind { .uuid }

    /// Its canonical lower-case text.
    public var sqlValue: SQLValue { .text(canonicalText) }

    /// The text in lower case. Takes one allocation; `uuidString` and `lowercased` take two.
    var canonicalText: String {
        unsafe withUnsafeBytes(of: uuid) { bytes in
            unsafe String(unsafeUninitializedCapacity: 36) { text in
                var end = 0
                for index in bytes.indices {
                    let byte = unsafe bytes[index]
                    if index == 4 || index == 6 || index == 8 || index == 10 {
                        unsafe text[end] = UInt8(ascii: "-")
                        end += 1
                    }
                    unsafe text[end] = Self.hexadecimal(byte >> 4)
                    unsafe text[end + 1] = Self.hexadecimal(byte & 15)
                    end += 2
                }
                return end
            }
        }
    }

    private static func hexadecimal(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }

    /// The UUID of an index row; nil for any other text, also for one in upper case.
    public init?(sqlValue: SQLValue) {
        guard case .text(var text) = sqlValue, let uuid = text.withUTF8({ unsafe UUID(canonicalText: $0) }) else {
            return nil
        }
        self = uuid
    }
}

extension VectorIDKind {
    /// Whether a store of this kind accepts the id.
    func includes(_ id: SQLValue) -> Bool {
        switch self {
        case .integer: Int64(sqlValue: id) != nil
        case .text: String(sqlValue: id).map { !$0.utf8.contains(0) } ?? false
        case .uuid: UUID(sqlValue: id) != nil
        }
    }
}

extension SQLValue {
    /// An id in a message or a list.
    var idText: String {
        switch self {
        case .integer(let integer): String(integer)
        case .text(let text): text
        case .null, .real: "?"
        }
    }

    /// The order of ids everywhere: integers by value, texts by their UTF-8 bytes, as SQLite's BINARY collation does.
    static func idPrecedes(_ left: SQLValue, _ right: SQLValue) -> Bool {
        switch (left, right) {
        case (.integer(let left), .integer(let right)): left < right
        case (.text(let left), .text(let right)): left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.integer, _): true
        default: false
        }
    }

    /// Whether two ids are the same. Texts are compared by their bytes, which Swift's `==` doesn't do.
    func isSameID(as other: SQLValue) -> Bool {
        switch (self, other) {
        case (.integer(let left), .integer(let right)): left == right
        case (.text(let left), .text(let right)): left.utf8.elementsEqual(right.utf8)
        default: false
        }
    }

    /// The checksum of a row or of metadata: its bytes, then the id's.
    func checksum(continuing bytes: Checksum) -> UInt32 {
        var checksum = bytes
        switch self {
        case .integer(let integer): checksum.update(integer)
        case .text(let text): checksum.update(text)
        case .null, .real: break
        }
        return checksum.value
    }
}

extension SQLArguments {
    /// Computes the same as ``SQLValue/checksum(continuing:)``, without making a value.
    func checksumOfID(_ index: Int, continuing bytes: Checksum) -> UInt32 {
        var checksum = bytes
        if let integer = integer(index) {
            checksum.update(integer)
        } else {
            unsafe withText(index) { text in
                if let text = unsafe text { unsafe checksum.update(text) }
            }
        }
        return checksum.value
    }

    func idText(_ index: Int) -> String {
        if let integer = integer(index) { return String(integer) }
        return unsafe withText(index) { text in unsafe text.map { unsafe String(decoding: $0, as: UTF8.self) } ?? "?" }
    }
}
