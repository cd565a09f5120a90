/// Parses rows that are JSON objects.
struct JSONRowParser {
    let fields: JSONRowFields
    private(set) var dimension: Int?
    private let names: [[UInt8]]
    private let floats = DecimalFloat()
    private var rule = RowIDRule()

    init(_ options: RowReaderOptions, ignoring ignored: [String] = []) {
        fields = JSONRowFields(options, ignoring: ignored)
        names = fields.vector.map { Array($0.utf8) }
        dimension = options.dimension
    }

    /// Appends the row whose object is in a part of `bytes`; the caller appends its place.
    ///
    /// Nearly all of a row is its vector. So the vector is parsed where it stands, and the rest of the object, with 0 in
    /// the vector's place, as any JSON object. If that fails, all of it is parsed as any object, which is slower, and
    /// whose errors say what is wrong and where.
    ///
    /// - Parameter check: Looks at the object, with or without its vector, before the row is appended.
    mutating func add(
        _ bytes: [UInt8],
        _ range: Range<Int>,
        to batch: inout RowBatch,
        check: (JSONObject) throws(FormatError) -> Void = { _ in }
    ) throws(FormatError) {
        let begin = batch.components.count
        if let vector = appendVector(bytes.span.extracting(range), to: &batch.components) {
            let place = range.lowerBound + vector.lowerBound..<range.lowerBound + vector.upperBound
            if let rest = Self.rest(bytes, range, without: place), (try? rest.checkKeys()) != nil {
                let named = rest.members.filter { fields.vector.containsSame($0.key) }
                if named.count == 1 {
                    try check(rest)
                    return try add(FullRow(rest, withVector: named[0].key, fields), begin, to: &batch)
                }
            }
        }
        batch.components.removeSubrange(begin...)
        guard let text = String(validating: bytes[range], as: UTF8.self) else {
            throw FormatError.invalid("not valid UTF-8", remedy: "save the file as UTF-8")
        }
        let object = try JSONObject(text, isRow: true)
        try object.checkKeys()
        try check(object)
        let row = try FullRow(object, fields, dimension: dimension)
        batch.components += row.vector
        try add(row, begin, to: &batch)
    }

    private mutating func add(_ row: FullRow, _ begin: Int, to batch: inout RowBatch) throws(FormatError) {
        let count = batch.components.count - begin
        if let dimension, count != dimension { throw VectorLimits.refusal(of: count, expected: dimension) }
        if !VectorLimits.dimensions.contains(count) { throw VectorLimits.refusal(of: count) }
        dimension = count
        try rule.add(row.id, to: &batch)
        batch.metadata.append(row.metadata)
    }

    private static func rest(_ bytes: [UInt8], _ range: Range<Int>, without vector: Range<Int>) -> JSONObject? {
        var rest: [UInt8] = []
        rest.reserveCapacity(range.count - vector.count + 1)
        rest += bytes[range.lowerBound..<vector.lowerBound]
        rest.append(UInt8(ascii: "0"))
        rest += bytes[vector.upperBound..<range.upperBound]
        return String(validating: rest, as: UTF8.self).flatMap { try? JSONObject($0, isRow: true) }
    }

    /// Finds the first member that has a vector's name, and appends its components. Returns its value's place; nil if it
    /// isn't found, or isn't an array of numbers.
    private func appendVector(_ bytes: Span<UInt8>, to components: inout [Float]) -> Range<Int>? {
        var position = 0
        Self.skipSpace(bytes, &position)
        guard Self.skip(UInt8(ascii: "{"), bytes, &position) else { return nil }
        repeat {
            Self.skipSpace(bytes, &position)
            guard let key = Self.skipString(bytes, &position) else { return nil }
            Self.skipSpace(bytes, &position)
            guard Self.skip(UInt8(ascii: ":"), bytes, &position) else { return nil }
            Self.skipSpace(bytes, &position)
            if names.contains(where: { Self.isEqual(bytes, key, $0) }) {
                guard let end = floats.appendArray(bytes, from: position, to: &components) else { return nil }
                return position..<end
            }
            Self.skipValue(bytes, &position)
        } while Self.skip(UInt8(ascii: ","), bytes, &position)
        return nil
    }

    private static func isEqual(_ bytes: Span<UInt8>, _ range: Range<Int>, _ name: [UInt8]) -> Bool {
        range.count == name.count && name.indices.allSatisfy { bytes[range.lowerBound + $0] == name[$0] }
    }

    private static func skipSpace(_ bytes: Span<UInt8>, _ position: inout Int) {
        while position < bytes.count,
            bytes[position] == 0x20 || bytes[position] == 0x09 || bytes[position] == 0x0A
                || bytes[position] == 0x0D
        { position += 1 }
    }

    private static func skip(_ byte: UInt8, _ bytes: Span<UInt8>, _ position: inout Int) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Steps over a string. Returns the place of its content.
    private static func skipString(_ bytes: Span<UInt8>, _ position: inout Int) -> Range<Int>? {
        guard skip(UInt8(ascii: "\""), bytes, &position) else { return nil }
        let start = position
        while position < bytes.count {
            if bytes[position] == UInt8(ascii: "\"") {
                position += 1
                return start..<position - 1
            }
            position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
        }
        return nil
    }

    /// Steps over a value up to the comma or the bracket after it. It doesn't matter what it does to a text that isn't
    /// JSON: that is refused later.
    private static func skipValue(_ bytes: Span<UInt8>, _ position: inout Int) {
        var depth = 0
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                if skipString(bytes, &position) == nil { return }
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                if depth == 0 { return }
                depth -= 1
            case UInt8(ascii: ",") where depth == 0: return
            default: break
            }
            position += 1
        }
    }
}
