#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// A value with which a filter compares: a number, a Boolean, a text, a UUID or a date; optional ones too.
///
/// `Data` is none, since JSON has no bytes. A type of your own conforms by saying which JSON value it is in metadata.
public protocol FilterValue: Sendable {
    /// The JSON value with which metadata are compared.
    var filterScalar: FilterScalar { get }
}

/// A JSON value that is no array and no object.
public enum FilterScalar: Sendable, Hashable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case real(Double)
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

// MARK: Dates

extension Date: FilterValue {
    /// The time in UTC as text, always with three decimals: `2026-01-31T08:00:01.500Z`. So the order of the texts is
    /// that of the times. A time before the year 0 or after 9999 becomes the first or the last of these years.
    public var filterScalar: FilterScalar {
        let milliseconds = (timeIntervalSince1970 * 1_000).rounded()
        if milliseconds.isNaN { return .null }
        let range = Self.yearZero...Self.yearTenThousand - 1
        return .text(Self.text(Int64(min(max(milliseconds, Double(range.lowerBound)), Double(range.upperBound)))))
    }

    private static let yearZero: Int64 = -62_167_219_200_000
    private static let yearTenThousand: Int64 = 253_402_300_800_000

    private static func text(_ milliseconds: Int64) -> String {
        let (days, time) = (milliseconds - yearZero).quotientAndRemainder(dividingBy: 86_400_000)
        let (year, dayOfYear) = yearAndDay(Int(days))
        var month = 1
        var day = dayOfYear
        while day >= length(of: month, year) {
            day -= length(of: month, year)
            month += 1
        }
        let clock = [(time / 3_600_000, ":"), (time / 60_000 % 60, ":"), (time / 1_000 % 60, ".")]
        return "\(padded(year, 4))-\(padded(month, 2))-\(padded(day + 1, 2))T"
            + clock.map { padded(Int($0), 2) + $1 }.joined() + "\(padded(Int(time % 1_000), 3))Z"
    }

    /// The year, and the number of days before in it, of a number of days since the year 0 began.
    private static func yearAndDay(_ days: Int) -> (year: Int, day: Int) {
        // This is at most one year off.
        var year = days * 400 / 146_097
        while daysBefore(year + 1) <= days { year += 1 }
        while daysBefore(year) > days { year -= 1 }
        return (year, days - daysBefore(year))
    }

    /// The number of days from the beginning of the year 0, which is a leap year.
    private static func daysBefore(_ year: Int) -> Int {
        year * 365 + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400
    }

    private static func length(of month: Int, _ year: Int) -> Int {
        let isLeapYear = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
        return month == 2 ? (isLeapYear ? 29 : 28) : [4, 6, 9, 11].contains(month) ? 30 : 31
    }

    private static func padded(_ number: Int, _ width: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: width - digits.count) + digits
    }
}
