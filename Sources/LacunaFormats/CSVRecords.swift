/// The records of a CSV file (RFC 4180), in memory bounded by the longest.
///
/// Fields may be quoted, and may then have delimiters, line breaks and doubled quotes. A record ends with LF or CRLF.
/// A byte order mark at the start is skipped. Blank lines may follow the last record. A record over 64 MiB is refused.
///
/// It is our own because the one CSV package that we found reads a file into one `String` first, and then makes a
/// `String` of each field.
final class CSVRecords {
    struct Field {
        /// The position of the content, without quotes, in the record's bytes.
        var range: Range<Int>
        var isQuoted = false
        /// Whether the content has doubled quotes, each of which stands for one.
        var hasDoubledQuotes = false
    }

    private static let maximumBytes = 64 << 20

    /// The fields of the record that ``next()`` has read.
    private(set) var fields: [Field] = []
    /// The record's first line, counted from 1.
    private(set) var lineNumber = 0
    let input: BufferedInput
    private let delimiter: UInt8
    /// The position of the record in the input's bytes.
    private var recordStart = 0
    private var nextLine = 1

    var location: String { "\(input.path), line \(lineNumber)" }

    init(_ source: RowSource, delimiter: UInt8) throws(FormatError) {
        input = try BufferedInput(source)
        self.delimiter = delimiter
    }

    /// Reads the next record. Returns false at the end.
    func next() throws(FormatError) -> Bool {
        var firstBlankLine: Int?
        while try readRecord() {
            if fields.count > 1 || fields[0].isQuoted || !fields[0].range.isEmpty {
                guard let firstBlankLine else { return true }
                lineNumber = firstBlankLine
                throw FormatError.invalid(location, "a blank line between records", remedy: "remove it")
            }
            firstBlankLine = firstBlankLine ?? lineNumber
        }
        return false
    }

    /// Calls `body` with the record's bytes, in which ``Field/range`` tells positions.
    func withBytes<R>(_ body: (Span<UInt8>) throws(FormatError) -> R) throws(FormatError) -> R {
        let bytes = input.bytes
        return try body(bytes.span.extracting(recordStart..<bytes.count))
    }

    /// The content of a field as text.
    func text(_ field: Field) throws(FormatError) -> String {
        let range = recordStart + field.range.lowerBound..<recordStart + field.range.upperBound
        guard let text = String(validating: input.bytes[range], as: UTF8.self) else {
            throw FormatError.invalid(location, "not valid UTF-8", remedy: "save the file as UTF-8")
        }
        if !field.hasDoubledQuotes { return text }
        // A quote before a combining mark is a part of a character, so the bytes are compared.
        var isFirst = false
        return String(
            decoding: text.utf8.filter { byte in
                isFirst = byte == UInt8(ascii: "\"") && !isFirst
                return !isFirst || byte != UInt8(ascii: "\"")
            },
            as: UTF8.self
        )
    }

    private func readRecord() throws(FormatError) -> Bool {
        lineNumber = nextLine
        var isLast = false
        while true {
            let length = try scan(isLast: isLast)
            guard (length ?? input.bytes.count - input.start) <= Self.maximumBytes else {
                throw FormatError.invalid(
                    location,
                    "the record is over 64 MiB",
                    remedy: "check that quotes come in pairs, and that every row ends with a line feed"
                )
            }
            if let length {
                recordStart = input.start
                input.use(to: input.start + length)
                return true
            }
            if isLast { return false }
            isLast = try !input.more()
        }
    }

    /// Finds the fields of the record that begins here. Returns its length with its line feed; nil if the buffer ends
    /// sooner, or at the end of the file.
    private func scan(isLast: Bool) throws(FormatError) -> Int? {
        // A local array isn't checked for other accesses at each field.
        var fields: [Field] = []
        swap(&fields, &self.fields)
        defer { swap(&fields, &self.fields) }
        fields.removeAll(keepingCapacity: true)
        nextLine = lineNumber
        let buffer = input.bytes
        let bytes = buffer.span.extracting(input.start..<buffer.count)
        if bytes.count == 0 { return nil }
        var position = 0
        while true {
            let isQuoted = position < bytes.count && bytes[position] == UInt8(ascii: "\"")
            let field =
                isQuoted
                ? try quoted(bytes, position, isLast, fields.count + 1)
                : try unquoted(bytes, position, isLast, fields.count + 1)
            guard var field else { return nil }
            position = field.range.upperBound + (isQuoted ? 1 : 0)
            if position < bytes.count, bytes[position] == delimiter {
                fields.append(field)
                position += 1
                continue
            }
            // An unquoted field takes the CR of a CRLF with it.
            let hasCarriageReturn = !isQuoted && position > field.range.lowerBound && bytes[position - 1] == 0x0D
            if hasCarriageReturn { field.range = field.range.lowerBound..<position - 1 }
            fields.append(field)
            if isQuoted, position < bytes.count, bytes[position] == 0x0D { position += 1 }
            nextLine += 1
            if position == bytes.count { return isLast ? position : nil }
            if bytes[position] == 0x0A { return position + 1 }
            throw FormatError.invalid(
                "\(input.path), line \(nextLine - 1)",
                "something follows the quote that ends field \(fields.count)",
                remedy: "double each quote in a quoted field"
            )
        }
    }

    /// The field that begins at `start` and ends before a delimiter or a line feed; nil if the buffer ends sooner.
    @inline(__always)
    private func unquoted(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ isLast: Bool,
        _ number: Int
    ) throws(FormatError) -> Field? {
        let end = Self.stop(bytes, start, delimiter)
        if end < bytes.count, bytes[end] == UInt8(ascii: "\"") {
            throw FormatError.invalid(
                "\(input.path), line \(nextLine)",
                "field \(number) has a quote, and doesn't begin with one",
                remedy: "put the field in quotes, and double each quote in it"
            )
        }
        return end == bytes.count && !isLast ? nil : Field(range: start..<end)
    }

    /// The position of the first delimiter, line feed or quote; the end if there is none.
    @inline(__always)
    private static func stop(_ bytes: Span<UInt8>, _ start: Int, _ delimiter: UInt8) -> Int {
        let ones: UInt64 = 0x0101_0101_0101_0101
        /// The lowest bit that is set is the highest of the first byte that is 0.
        func zeroBytes(_ bytes: UInt64) -> UInt64 { (bytes &- ones) & ~bytes & (ones << 7) }
        var position = start
        while position &+ 8 <= bytes.count {
            let text = unsafe bytes.bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: position, as: UInt64.self)
            let stops =
                zeroBytes(text ^ (ones &* UInt64(delimiter))) | zeroBytes(text ^ (ones &* 0x0A))
                | zeroBytes(text ^ (ones &* 0x22))
            if stops != 0 { return position &+ stops.trailingZeroBitCount / 8 }
            position &+= 8
        }
        while position < bytes.count, bytes[position] != delimiter, bytes[position] != 0x0A, bytes[position] != 0x22 {
            position &+= 1
        }
        return position
    }

    /// The field whose first quote is at `start`; nil if the buffer ends before the byte after its last quote.
    private func quoted(
        _ bytes: Span<UInt8>,
        _ start: Int,
        _ isLast: Bool,
        _ number: Int
    ) throws(FormatError) -> Field? {
        var field = Field(range: start + 1..<start + 1, isQuoted: true)
        var end = start + 1
        while end < bytes.count {
            if bytes[end] == 0x0A { nextLine += 1 }
            if bytes[end] == UInt8(ascii: "\"") {
                if end + 1 == bytes.count && !isLast { return nil }
                guard end + 1 < bytes.count, bytes[end + 1] == UInt8(ascii: "\"") else {
                    field.range = start + 1..<end
                    // A CR may belong to the end of the line.
                    return end + 2 == bytes.count && bytes[end + 1] == 0x0D && !isLast ? nil : field
                }
                field.hasDoubledQuotes = true
                end += 1
            }
            end += 1
        }
        if !isLast { return nil }
        throw FormatError.invalid(location, "the quote of field \(number) doesn't end", remedy: "close it")
    }
}
