import Lacuna
import TestSupport

// MARK: Spelling

extension ModelJSON {
    /// The value as JSON text; with random numbers, in one of its spellings.
    func text(_ random: inout SplitMix64?) -> String {
        switch self {
        case .scalar(.null): return "null"
        case .scalar(.boolean(let boolean)): return "\(boolean)"
        case .scalar(.integer(let integer)): return "\(integer)"
        case .scalar(.real(let real)):
            let large = random.chance(2) ? "1e999" : "9.9e99999"
            return real == .infinity ? large : real == -.infinity ? "-" + large : "\(real)"
        case .scalar(.text(let text)): return Self.quoted(text, &random, isKey: false)
        case .array(let elements):
            var texts: [String] = []
            for element in elements { texts.append(element.text(&random)) }
            return "[\(texts.joined(separator: random.chance(3) ? " , " : ","))]"
        case .object(let members):
            var texts: [String] = []
            for (key, value) in members {
                texts.append(
                    Self.quoted(key, &random, isKey: true) + (random.chance(3) ? " : " : ":") + value.text(&random)
                )
            }
            return "{\(texts.joined(separator: random.chance(3) ? "\t, " : ","))}"
        }
    }

    func text() -> String {
        var none: SplitMix64?
        return text(&none)
    }

    /// Some characters are written as escapes; in keys, none that an encoder never escapes.
    private static func quoted(_ text: String, _ random: inout SplitMix64?, isKey: Bool) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            let isPlain =
                scalar.properties.isAlphabetic && scalar.isASCII || "0123456789_-. :@$#".unicodeScalars.contains(scalar)
            let mustEscape = scalar == "\"" || scalar == "\\" || scalar.value < 0x20
            if mustEscape || random.chance(4) && !(isKey && isPlain) {
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16, uppercase: random.chance(2))
                    json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            } else {
                json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }
}

extension Optional<SplitMix64> {
    /// Whether one of `count` has come out; never without random numbers.
    fileprivate mutating func chance(_ count: UInt64) -> Bool { self?.next(upperBound: count) == 0 }
}

// MARK: Random values

extension SplitMix64 {
    private mutating func below(_ bound: Int) -> Int { Int(next(upperBound: UInt64(bound))) }

    private mutating func element<Value>(_ values: [Value]) -> Value { values[below(values.count)] }

    static let modelKeys = [
        "a", "b", "\u{E9}", "a.b", "c d", "e\u{301}", "\"", "\\", "a\"b", "", "'", "x' OR 1 --", "0", "2024", "$",
        "[0]",
        "/", "\u{43A}\u{43B}\u{44E}\u{447}", "a\nb", "#", "\u{1F600}", "?", "id", "<", "a+b",
    ]

    static let modelScalars: [FilterScalar] = [
        .null, .boolean(true), .boolean(false), .integer(0), .integer(1), .integer(-1), .integer(2), .integer(.max),
        .integer(.min), .integer(9_007_199_254_740_993), .real(9_007_199_254_740_992), .real(0x1p63), .real(-0x1p63),
        .real(0.5), .real(1), .real(-0.0), .real(1e300), .real(.infinity), .real(-.infinity), .text(""), .text("1"),
        .text("true"), .text("null"), .text("[1]"), .text("{}"), .text("a"), .text("ab"), .text("b"),
        .text("' OR 1 --"),
        .text("\""), .text("\\"), .text("\u{E9}"), .text("e\u{301}"), .text("\u{1F600}x"), .text("\u{D7FF}"),
        .text("\u{10FFFF}\u{10FFFF}"), .text("?"), .text("%"), .text("a\nb"),
    ]

    /// Half of all keys are the first ones, so that filters often meet keys that are there.
    private mutating func modelKey() -> String {
        element(below(2) == 0 ? Array(Self.modelKeys.prefix(4)) : Self.modelKeys)
    }

    private mutating func modelScalar() -> FilterScalar {
        element(below(2) == 0 ? [.integer(1), .real(0.5), .text("a"), .text("ab"), .boolean(true)] : Self.modelScalars)
    }

    mutating func modelKeys(_ count: Int) -> [String] {
        var keys: [String] = []
        while keys.count < count {
            let key = modelKey()
            if !keys.contains(where: { $0.utf8.elementsEqual(key.utf8) }) { keys.append(key) }
        }
        return keys
    }

    mutating func modelJSON(depth: Int = 0) -> ModelJSON {
        switch below(depth < 3 ? 8 : 5) {
        case 5, 6: return .object(modelKeys(below(4)).map { ($0, modelJSON(depth: depth + 1)) })
        case 7: return .array((0..<below(4)).map { _ in modelJSON(depth: depth + 1) })
        default: return .scalar(modelScalar())
        }
    }

    /// Nil for some rows: they have no metadata.
    mutating func modelMetadata() -> ModelJSON? {
        if below(10) == 0 { return nil }
        let keys = modelKeys(below(8)).filter { $0 != "id" }
        return .object(keys.map { ($0, modelJSON()) })
    }

    private mutating func modelPath() -> [String] {
        if below(10) == 0 { return ["id"] }
        return (0...[0, 0, 0, 1, 1, 2][below(6)]).map { _ in modelKey() }
    }

    /// A filter of which no part has more tables of JSON than the limit.
    mutating func modelFilter(depth: Int = 0) -> ModelFilter {
        let path = modelPath()
        let (first, second) = (modelScalar(), modelScalar())
        switch below(depth < 2 ? 12 : 8) {
        case 0: return .equal(path, first)
        case 1: return .not(.equal(path, first))
        case 2: return .order(path, element(ModelFilter.Order.allCases), first)
        case 3: return .isOne(path, (0..<below(3)).map { _ in modelScalar() })
        case 4: return .between(path, first, second)
        case 5:
            if case .text(let text) = first { return .prefix(path, text) }
            return .order(path, .atLeast, first)
        case 6: return .exists(path)
        case 7: return .contains(path, first)
        case 8, 9: return .not(modelFilter(depth: depth + 1))
        case 10: return .all((0..<below(3)).map { _ in modelFilter(depth: depth + 1) })
        default: return .any((0..<below(3)).map { _ in modelFilter(depth: depth + 1) })
        }
    }
}
