#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// Which type a store's ids have; fixed when the store is created.
public enum VectorIDKind: String, Sendable, CaseIterable {
    /// `Int64`, stored as an SQLite integer.
    case integer
    /// `String`, stored, compared and ordered as UTF-8 bytes; no NUL. Composed and decomposed é are two ids here, and
    /// equal to Swift's `==`.
    case text
    /// `UUID`, stored as its canonical lower-case text, and ordered as that.
    case uuid
}

/// A type of id: `Int64`, `String` or `UUID`. One schema serves all three.
public protocol VectorID: Hashable, Sendable {
    /// The kind that a store of such ids records.
    static var idKind: VectorIDKind { get }
    /// The id as the index stores it: an integer or a text.
    var sqlValue: SQLValue { get }
    /// The id that an index row holds; nil if the row holds something else.
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

extension UUID: VectorID {
    /// `uuid`.
    public static var idKind: VectorIDKind { .uuid }

    /// Its canonical lower-case text.
    public var sqlValue: SQLValue { .text(uuidString.lowercased()) }

    /// The UUID of an index row; nil for any other text, one in upper case among them.
    public init?(sqlValue: SQLValue) {
        guard case .text(let text) = sqlValue, let uuid = UUID(uuidString: text),
            uuid.uuidString.lowercased().utf8.elementsEqual(text.utf8)
        else { return nil }
        self = uuid
    }
}

extension VectorIDKind {
    /// Whether a store of this kind takes the id.
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
