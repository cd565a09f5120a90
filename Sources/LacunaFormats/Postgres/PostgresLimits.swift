/// What PostgreSQL can't keep of a row, although a store can.
extension PostgresTable: RowLimits {
    /// A text of up to so many bytes has a place in a B-tree, however badly it compresses.
    private static let maximumIDBytes = 2_692
    /// The longest string in `jsonb`; a text that isn't longer has none that is.
    private static let maximumMetadataBytes = 0x0FFF_FFFF
    /// The digits that `numeric`, in which `jsonb` keeps numbers, has before and after the point.
    private static let (maximumDigits, maximumPlaces) = (131_072, 16_383)
    /// From here on, a float32 becomes infinite as float16.
    private static let firstBeyondHalf: Float = 65_520

    package var needVectors: Bool { rounds }

    package func check(_ row: WrittenRow) throws(FormatError) {
        if case .string(let id) = row.id, id.utf8.count > Self.maximumIDBytes {
            throw FormatError.invalid(
                "the id has \(id.utf8.count) bytes, and PostgreSQL's indexes take at most \(Self.maximumIDBytes)",
                remedy: "leave the row out with --where, or give it a shorter id"
            )
        }
        if rounds, let component = row.vector.firstIndex(where: { $0.magnitude >= Self.firstBeyondHalf }) {
            throw FormatError.invalid(
                "component \(component) is \(row.vector[component]), and beyond float16's range",
                remedy: "leave the index out with --index none"
            )
        }
        if let metadata = row.metadata, let refusal = Self.refusal(of: metadata) {
            throw FormatError.invalid(
                "the metadata have \(refusal), and PostgreSQL's jsonb has no place for that",
                remedy: "change them, or leave the row out with --where"
            )
        }
    }

    /// What a valid JSON text has that `jsonb` refuses; nil if there is nothing.
    static func refusal(of json: String) -> String? {
        guard json.utf8.count <= maximumMetadataBytes else { return "over 256 MiB" }
        var scanner = JSONScanner(json)
        while let byte = scanner.current {
            switch byte {
            case UInt8(ascii: "\""):
                let start = scanner.position
                // The store has checked the text, and what can't be scanned would stop at PostgreSQL.
                guard (try? scanner.skipValue(depth: 0)) != nil else { return "no JSON" }
                guard let string = try? scanner.unescaped(start..<scanner.position) else {
                    return "half of a surrogate pair"
                }
                if string.utf8.contains(0) { return "the character U+0000" }
            case UInt8(ascii: "-"), 0x30...0x39:
                let start = scanner.position
                scanner.skipNumber()
                if !fits(scanner.bytes[start..<scanner.position]) { return "a number out of range" }
            default: scanner.position += 1
            }
        }
        return nil
    }

    private static func fits(_ number: ArraySlice<UInt8>) -> Bool {
        let isExponent = { (byte: UInt8) in byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") }
        let mantissa = number.prefix { !isExponent($0) }
        let exponentText = number.dropFirst(mantissa.count + 1)
        guard let exponent = exponentText.isEmpty ? 0 : Int(String(decoding: exponentText, as: UTF8.self)),
            (-maximumDigits...maximumDigits).contains(exponent)
        else { return false }
        let digits = mantissa.drop { $0 == UInt8(ascii: "-") }.prefix { $0 != UInt8(ascii: ".") }.count
        let places = mantissa.drop { $0 != UInt8(ascii: ".") }.dropFirst().count
        return digits + exponent <= maximumDigits && places - exponent <= maximumPlaces
    }
}

extension JSONScanner {
    /// Steps over a number, whose form was checked before.
    fileprivate mutating func skipNumber() {
        while let byte = current, (0x30...0x39).contains(byte) || "+-.eE".utf8.contains(byte) { position += 1 }
    }
}
