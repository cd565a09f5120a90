extension JSONScanner {
    /// The value of the string at `range`, which includes the quotes and was already scanned.
    ///
    /// - Throws: `.invalid` for half of a surrogate pair, which is no character.
    func unescaped(_ range: Range<Int>) throws(FormatError) -> String {
        let content = (range.lowerBound + 1)..<(range.upperBound - 1)
        guard let firstEscape = bytes[content].firstIndex(of: UInt8(ascii: "\\")) else {
            return String(decoding: bytes[content], as: UTF8.self)
        }
        var result = Array(bytes[content.lowerBound..<firstEscape])
        var index = firstEscape
        while index < content.upperBound {
            guard bytes[index] == UInt8(ascii: "\\") else {
                result.append(bytes[index])
                index += 1
                continue
            }
            let letter = bytes[index + 1]
            if letter == UInt8(ascii: "u") {
                let (scalar, length) = try escapedScalar(at: index)
                result.append(contentsOf: String(scalar).utf8)
                index += length
            } else {
                result.append(Self.meaning(of: letter))
                index += 2
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The character of the `\uXXXX`, or of the pair of them, at `index`, and the escape's length in bytes.
    private func escapedScalar(at index: Int) throws(FormatError) -> (scalar: Unicode.Scalar, length: Int) {
        let first = hexadecimal(at: index + 2) ?? 0
        if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
        let next = index + 6
        if UTF16.isLeadSurrogate(first), bytes[next...].starts(with: [0x5C, 0x75]),
            let second = hexadecimal(at: next + 2), UTF16.isTrailSurrogate(second),
            let scalar = Unicode.Scalar(0x10000 + (UInt32(first & 0x3FF) << 10 | UInt32(second & 0x3FF)))
        {
            return (scalar, 12)
        }
        var place = self
        place.position = index
        throw place.invalid("half of a surrogate pair, which is no character")
    }

    private static func meaning(of letter: UInt8) -> UInt8 {
        switch letter {
        case UInt8(ascii: "b"): 0x08
        case UInt8(ascii: "f"): 0x0C
        case UInt8(ascii: "n"): 0x0A
        case UInt8(ascii: "r"): 0x0D
        case UInt8(ascii: "t"): 0x09
        default: letter
        }
    }
}

/// `text` as a JSON string, quotes included. Escapes what JSON demands (`"`, `\`, U+0000 to U+001F) and nothing else.
package func jsonString(_ text: String) -> String {
    var result: [UInt8] = [UInt8(ascii: "\"")]
    result.reserveCapacity(text.utf8.count + 2)
    for byte in text.utf8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): result += [UInt8(ascii: "\\"), byte]
        case 0x08: result += "\\b".utf8
        case 0x09: result += "\\t".utf8
        case 0x0A: result += "\\n".utf8
        case 0x0C: result += "\\f".utf8
        case 0x0D: result += "\\r".utf8
        case 0..<0x20: result += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
        default: result.append(byte)
        }
    }
    result.append(UInt8(ascii: "\""))
    return String(decoding: result, as: UTF8.self)
}
