#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A value that is encoded as it encodes itself, except that each `UUID` in it is a text in lower case. `UUID` writes
/// upper case, and `JSONEncoder` has no strategy for it.
struct LowerCaseUUIDs: Encodable {
    private let value: any Encodable

    init(_ value: any Encodable) { self.value = value }

    /// Whether values of a type can be encoded without this wrapper, which costs a microsecond: most members can.
    static func isNeeded(for type: Any.Type) -> Bool {
        type != String.self && type != Int.self && type != Double.self && type != Bool.self && type != Date.self
    }

    func encode(to encoder: any Encoder) throws {
        switch value {
        case let uuid as UUID:
            var container = encoder.singleValueContainer()
            try container.encode(uuid.canonicalText)
        case is String, is Bool, is any BinaryInteger, is any BinaryFloatingPoint, is Date, is Data, is URL, is Decimal:
            // The encoder has strategies for some of these, and must see them.
            var container = encoder.singleValueContainer()
            try container.encode(value)
        case let dictionary as any KeyedByTexts:
            // The encoder must see a dictionary, whose keys it doesn't change by its strategy for keys.
            var container = encoder.singleValueContainer()
            try container.encode(dictionary.withLowerCaseUUIDs)
        default: try value.encode(to: LowerCaseEncoder(base: encoder))
        }
    }
}

private protocol KeyedByTexts {
    var withLowerCaseUUIDs: [String: LowerCaseUUIDs] { get }
}

extension Dictionary: KeyedByTexts where Key == String, Value: Encodable {
    fileprivate var withLowerCaseUUIDs: [String: LowerCaseUUIDs] { mapValues { LowerCaseUUIDs($0) } }
}

private struct LowerCaseEncoder: Encoder {
    let base: any Encoder

    var codingPath: [any CodingKey] { base.codingPath }
    var userInfo: [CodingUserInfoKey: Any] { base.userInfo }

    func container<Key>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        KeyedEncodingContainer(LowerCaseMembers(base: base.container(keyedBy: type)))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer { LowerCaseElements(base: base.unkeyedContainer()) }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        LowerCaseSingle(base: base.singleValueContainer())
    }
}

private struct LowerCaseMembers<Key: CodingKey>: KeyedEncodingContainerProtocol {
    var base: KeyedEncodingContainer<Key>

    var codingPath: [any CodingKey] { base.codingPath }

    mutating func encodeNil(forKey key: Key) throws { try base.encodeNil(forKey: key) }

    mutating func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
        guard LowerCaseUUIDs.isNeeded(for: Value.self) else { return try base.encode(value, forKey: key) }
        try base.encode(LowerCaseUUIDs(value), forKey: key)
    }

    mutating func nestedContainer<Nested>(
        keyedBy type: Nested.Type,
        forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(LowerCaseMembers<Nested>(base: base.nestedContainer(keyedBy: type, forKey: key)))
    }

    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        LowerCaseElements(base: base.nestedUnkeyedContainer(forKey: key))
    }

    mutating func superEncoder() -> any Encoder { LowerCaseEncoder(base: base.superEncoder()) }

    mutating func superEncoder(forKey key: Key) -> any Encoder {
        LowerCaseEncoder(base: base.superEncoder(forKey: key))
    }
}

private struct LowerCaseElements: UnkeyedEncodingContainer {
    var base: any UnkeyedEncodingContainer

    var codingPath: [any CodingKey] { base.codingPath }
    var count: Int { base.count }

    mutating func encodeNil() throws { try base.encodeNil() }

    mutating func encode<Value: Encodable>(_ value: Value) throws {
        guard LowerCaseUUIDs.isNeeded(for: Value.self) else { return try base.encode(value) }
        try base.encode(LowerCaseUUIDs(value))
    }

    mutating func nestedContainer<Nested>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        KeyedEncodingContainer(LowerCaseMembers(base: base.nestedContainer(keyedBy: type)))
    }

    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        LowerCaseElements(base: base.nestedUnkeyedContainer())
    }

    mutating func superEncoder() -> any Encoder { LowerCaseEncoder(base: base.superEncoder()) }
}

private struct LowerCaseSingle: SingleValueEncodingContainer {
    var base: any SingleValueEncodingContainer

    var codingPath: [any CodingKey] { base.codingPath }

    mutating func encodeNil() throws { try base.encodeNil() }

    mutating func encode(_ value: some Encodable) throws { try base.encode(LowerCaseUUIDs(value)) }
}
