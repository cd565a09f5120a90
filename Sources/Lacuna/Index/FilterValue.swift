/// A value with which a filter compares: a number, a Boolean, a text, a UUID or a date; optional ones too.
///
/// `Data` is none, since JSON has no bytes. A type of your own conforms by saying which JSON value it is in metadata.
public protocol FilterValue: Sendable {
    /// The JSON value with which metadata are compared.
    var filterScalar: FilterScalar { get }
}

/// A JSON value that is no array and no object.
public enum FilterScalar: Sendable, Hashable {
    /// Null, which only `isNull` and `==` with nil find.
    case null
    /// True or false.
    case boolean(Bool)
    /// A whole number.
    case integer(Int64)
    /// A number with a fraction, or beyond 64 bits.
    case real(Double)
    /// A text, compared by its UTF-8 bytes.
    case text(String)

    /// The value as SQLite's functions of JSON return it: a Boolean is 1 or 0.
    var sqlValue: SQLValue {
        switch self {
        case .null: .null
        case .boolean(let boolean): .integer(boolean ? 1 : 0)
        case .integer(let integer): .integer(integer)
        case .real(let real): .real(real)
        case .text(let text): .text(text)
        }
    }
}

extension FilterScalar: FilterValue {
    /// The value itself.
    public var filterScalar: FilterScalar { self }
}

extension SQLValue: FilterValue {
    /// The same value.
    public var filterScalar: FilterScalar {
        switch self {
        case .null: .null
        case .integer(let integer): .integer(integer)
        case .real(let real): .real(real)
        case .text(let text): .text(text)
        }
    }
}

extension VectorID {
    /// The id as the index has it: an integer or a text.
    public var filterScalar: FilterScalar { sqlValue.filterScalar }
}

extension Optional: FilterValue where Wrapped: FilterValue {
    /// The value, or null.
    public var filterScalar: FilterScalar { self?.filterScalar ?? .null }
}

// MARK: Numbers

extension FilterValue where Self: FixedWidthInteger {
    /// The integer; from 2^63 on the nearest real number, as SQLite reads such a number in JSON.
    public var filterScalar: FilterScalar { Int64(exactly: self).map { .integer($0) } ?? .real(Double(self)) }
}

extension Int64 {
    /// The integer itself.
    public var filterScalar: FilterScalar { .integer(self) }
}

extension Int {
    /// The integer itself.
    public var filterScalar: FilterScalar { .integer(Int64(self)) }
}

extension Int8: FilterValue {}
extension Int16: FilterValue {}
extension Int32: FilterValue {}
extension UInt: FilterValue {}
extension UInt8: FilterValue {}
extension UInt16: FilterValue {}
extension UInt32: FilterValue {}
extension UInt64: FilterValue {}

extension Double: FilterValue {
    /// The number; NaN equals nothing, and is neither less nor greater than anything.
    public var filterScalar: FilterScalar { .real(self) }
}

extension Float: FilterValue {
    /// The number itself, which for 0.1 isn't the 0.1 of a JSON text, but 0.10000000149….
    public var filterScalar: FilterScalar { .real(Double(self)) }
}

extension Bool: FilterValue {
    /// The Boolean.
    public var filterScalar: FilterScalar { .boolean(self) }
}
