extension SQLValue {
    /// The values as one JSON array, which json_each reads as the same values. A text with U+0000 is left out:
    /// json_each of SQLite 3.40 ends the text there, and would find another. No id has one.
    static func jsonArray(_ values: [SQLValue]) -> String {
        var json = "["
        for value in values {
            if case .text(let text) = value, text.utf8.contains(0) { continue }
            if json.utf8.count > 1 { json += "," }
            json += value.jsonText
        }
        return json + "]"
    }

    /// The value in JSON.
    var jsonText: String {
        switch self {
        case .null: "null"
        case .integer(let integer): String(integer)
        case .real(let real): Self.jsonNumber(real)
        case .text(let text): Self.jsonString(text)
        }
    }

    /// JSON has no infinity, but SQLite reads a number that is too large as infinite.
    private static func jsonNumber(_ real: Double) -> String {
        if real.isNaN { return "null" }
        return real.isFinite ? real.description : real < 0 ? "-9e999" : "9e999"
    }

    private static func jsonString(_ text: String) -> String {
        var json = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\":
                json += "\\"
                json.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: json.unicodeScalars.append(scalar)
            }
        }
        return json + "\""
    }
}
