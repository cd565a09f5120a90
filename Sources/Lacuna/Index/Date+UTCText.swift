#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

extension Date: FilterValue {
    /// The time in UTC as text, always with three decimals: `2026-01-31T08:00:01.500Z`. So the order of the texts is
    /// that of the times. A time before the year 0 or after 9999 becomes the first or the last of these years.
    public var filterScalar: FilterScalar {
        let milliseconds = nearestMillisecond
        if milliseconds.isNaN { return .null }
        let bounds = (Double(UTCText.yearZero), Double(UTCText.yearTenThousand - 1))
        return .text(UTCText.text(Int64(min(max(milliseconds, bounds.0), bounds.1))))
    }

    /// The text of ``filterScalar``; nil for a time that no such text has.
    var utcText: String? {
        let milliseconds = nearestMillisecond
        guard milliseconds >= Double(UTCText.yearZero), milliseconds < Double(UTCText.yearTenThousand) else {
            return nil
        }
        return UTCText.text(Int64(milliseconds))
    }

    private var nearestMillisecond: Double { (timeIntervalSince1970 * 1_000).rounded() }

    /// Reads a time of ISO 8601, with decimals or without, and with any offset from UTC. Microseconds are the smallest
    /// part that counts.
    init?(utcText text: String) {
        guard let microseconds = UTCText.microseconds(text) else { return nil }
        self.init(timeIntervalSince1970: Double(microseconds) / 1_000_000)
    }
}

/// Converts between texts and times since 1970, by the Gregorian calendar in all years. (Foundation's is Julian before
/// 1582.)
private enum UTCText {
    /// The milliseconds at which the years 0 and 10,000 begin.
    static let yearZero: Int64 = -62_167_219_200_000
    static let yearTenThousand: Int64 = 253_402_300_800_000

    static func text(_ milliseconds: Int64) -> String {
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

    /// The microseconds of a text; nil if it is no time.
    static func microseconds(_ text: String) -> Int64? {
        var reader = TextReader(rest: text.utf8[...])
        guard let year = reader.number(4), reader.skip("-"),
            let month = reader.number(2), (1...12).contains(month), reader.skip("-"),
            let day = reader.number(2), (1...length(of: month, year)).contains(day), reader.skip("T"),
            let hour = reader.number(2), hour < 24, reader.skip(":"),
            let minute = reader.number(2), minute < 60, reader.skip(":"),
            let second = reader.number(2), second < 60,
            let fraction = reader.skip(".") ? reader.millionths() : 0,
            let offset = reader.offset(), reader.rest.isEmpty
        else { return nil }
        let days = daysBefore(year) + (1..<month).reduce(0) { $0 + length(of: $1, year) } + day - 1
        let seconds = ((days * 24 + hour) * 60 + minute - offset) * 60 + second
        return (yearZero + Int64(seconds) * 1_000) * 1_000 + fraction
    }

    private struct TextReader {
        var rest: Substring.UTF8View

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard rest.first == UInt8(ascii: character) else { return false }
            rest.removeFirst()
            return true
        }

        /// Reads as many digits.
        mutating func number(_ width: Int) -> Int? {
            let digits = rest.prefix(width)
            guard digits.count == width, digits.allSatisfy(Self.isDigit) else { return nil }
            rest.removeFirst(width)
            return digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        }

        /// Reads decimals, of which the first six count.
        mutating func millionths() -> Int64? {
            let digits = Array(rest.prefix(while: Self.isDigit))
            rest.removeFirst(digits.count)
            if digits.isEmpty { return nil }
            return (0..<6).reduce(0) { $0 * 10 + ($1 < digits.count ? Int64(digits[$1] - UInt8(ascii: "0")) : 0) }
        }

        /// Reads `Z` or an offset from UTC; returns its minutes.
        mutating func offset() -> Int? {
            if skip("Z") { return 0 }
            let sign = skip("+") ? 1 : -1
            guard sign == 1 || skip("-"), let hours = number(2), hours < 24, skip(":"), let minutes = number(2),
                minutes < 60
            else { return nil }
            return sign * (hours * 60 + minutes)
        }

        private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
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
