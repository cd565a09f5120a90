/// The components of a vector written as a JSON array of numbers, each the nearest float32 (ties to even). White space
/// around the array is allowed.
///
/// - Throws: `.invalid` if it is not an array of numbers, or a number is beyond float32's range; components are counted
///   from 0.
package func floats(fromJSONArray text: String) throws(FormatError) -> [Float] {
    var scanner = JSONScanner(text)
    var values: [Float] = []
    scanner.skipWhitespace()
    guard scanner.skip(UInt8(ascii: "[")) else {
        throw FormatError.invalid("the vector is not an array of numbers", remedy: "write it as [0.5, …]")
    }
    scanner.skipWhitespace()
    if !scanner.skip(UInt8(ascii: "]")) {
        repeat {
            scanner.skipWhitespace()
            guard let byte = scanner.current, byte == UInt8(ascii: "-") || (0x30...0x39).contains(byte) else {
                throw FormatError.invalid(
                    "component \(values.count) of the vector is not a number",
                    remedy: "correct it"
                )
            }
            let number = try scanner.scanNumber()
            guard let value = scanner.float(number), value.isFinite else {
                let spelling = excerpt(String(decoding: scanner.bytes[number.range], as: UTF8.self))
                throw FormatError.invalid(
                    "component \(values.count) of the vector is \(spelling), beyond float32's range (about 3.4e38)",
                    remedy: "scale the vector down"
                )
            }
            values.append(value)
            scanner.skipWhitespace()
        } while scanner.skip(UInt8(ascii: ","))
        try scanner.expect(UInt8(ascii: "]"), "',' or ']'")
    }
    try scanner.expectEnd()
    return values
}

/// A vector as a JSON array, each component in the shortest decimals that read back as the same float32 (-0.0 too).
///
/// - Throws: `.invalid` for NaN and infinity, which JSON cannot write.
package func jsonArray(of values: [Float]) throws(FormatError) -> String {
    var text = "["
    text.reserveCapacity(values.count * 12 + 2)
    for (index, value) in values.enumerated() {
        guard value.isFinite else {
            throw FormatError.invalid(
                "component \(index) of the vector is \(value), and JSON has no way to write it",
                remedy: "compute the vector again"
            )
        }
        if index > 0 { text += "," }
        // Swift's shortest digits are always a JSON number: a digit on both sides of the point, if there is one.
        text += value.description
    }
    text += "]"
    return text
}
