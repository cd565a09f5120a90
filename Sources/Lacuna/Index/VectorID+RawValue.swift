#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A type whose raw value is an id is itself one: the index stores the raw value.
extension VectorID where Self: RawRepresentable, RawValue: VectorID {
    /// The kind of the raw values.
    public static var idKind: VectorIDKind { RawValue.idKind }

    /// The raw value as the index stores it.
    public var sqlValue: SQLValue { rawValue.sqlValue }

    /// The id of a stored raw value; nil if the raw value is none of this type.
    public init?(sqlValue: SQLValue) {
        guard let rawValue = RawValue(sqlValue: sqlValue) else { return nil }
        self.init(rawValue: rawValue)
    }
}

// The standard library codes a type with a text or an integer as its raw value as that value. Without these, one with a
// UUID would be coded as an object with the key `rawValue`, which no filter with the id finds.

extension VectorID where Self: RawRepresentable, Self: Encodable, RawValue == UUID {
    /// Encodes the raw value.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(rawValue)
    }
}

extension VectorID where Self: RawRepresentable, Self: Decodable, RawValue == UUID {
    /// Decodes the raw value.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        guard let id = Self(rawValue: try container.decode(UUID.self)) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "the UUID is no \(Self.self)")
        }
        self = id
    }
}

extension VectorID {
    /// The id as the index stores it, checked: a row whose id can't be read back would make its whole store unreadable.
    /// The library's own types aren't checked, since all their values can be.
    ///
    /// - Throws: `invalidID`.
    func storable() throws(VectorStoreError) -> SQLValue {
        let value = sqlValue
        if Self.self == Int64.self || Self.self == Int.self || Self.self == String.self || Self.self == UUID.self {
            return value
        }
        let isOfKind =
            switch (value, Self.idKind) {
            case (.integer, .integer), (.text, .text): true
            case (.text, .uuid): UUID(sqlValue: value) != nil
            default: false
            }
        guard isOfKind, Self(sqlValue: value) == self else {
            throw VectorStoreError(
                .invalidID,
                "the id \(value.idText) can't be read back as the same \(Self.self) of the kind \(Self.idKind.rawValue)",
                remedy: "mend sqlValue and init(sqlValue:) of that type",
                ids: [value.idText]
            )
        }
        return value
    }
}
