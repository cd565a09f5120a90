/// The rows of a CSV file: the vector in one field, as a JSON array, or each component in a field of its own.
final class CSVRowReader: RowReader {
    private let records: CSVRecords
    private let columns: CSVColumns
    private let source: RowSource
    private let floats = DecimalFloat()
    private var rule = RowIDRule()
    private var isFirst = true
    private(set) var dimension: Int?

    var rowCount: Int? { nil }

    private init(_ source: RowSource, _ options: RowReaderOptions, delimiter: UInt8) throws(FormatError) {
        self.source = source
        records = try CSVRecords(source, delimiter: delimiter)
        guard try records.next() else {
            throw FormatError.invalid(source.name, "there is no header", remedy: "name the columns in the first line")
        }
        var names: [String] = []
        for field in records.fields {
            names.append(try records.text(field))
            if !field.isQuoted, names.last?.utf8.contains(0x0D) == true {
                throw FormatError.invalid(
                    records.location,
                    "a CR is in the header, and no LF follows it",
                    remedy: "end lines with LF or CRLF"
                )
            }
        }
        do throws(FormatError) { columns = try CSVColumns(names, options) } catch { throw error.at(records.location) }
        dimension = options.dimension ?? columns.dimension
        if let found = columns.dimension {
            guard VectorLimits.dimensions.contains(found) else {
                throw VectorLimits.refusal(of: found).at(records.location)
            }
            if let dimension, found != dimension {
                throw VectorLimits.refusal(of: found, expected: dimension).at(records.location)
            }
        }
    }

    static func commas(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError) -> any RowReader {
        try CSVRowReader(source, options, delimiter: UInt8(ascii: ","))
    }

    static func tabs(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError) -> any RowReader {
        try CSVRowReader(source, options, delimiter: UInt8(ascii: "\t"))
    }

    func read(_ maximumRows: Int, into batch: inout RowBatch) throws(FormatError) -> Int {
        batch.clear()
        batch.source = source.name
        batch.place = .line
        do throws(FormatError) {
            while batch.hasRoom(for: maximumRows), try nextRecord() {
                do throws(FormatError) { try addRow(to: &batch) } catch { throw error.at(records.location) }
            }
        } catch {
            batch.clear()
            throw error
        }
        batch.dimension = dimension ?? 0
        return batch.count
    }

    /// The first record is a row if it isn't the header.
    private func nextRecord() throws(FormatError) -> Bool {
        defer { isFirst = false }
        if isFirst, !columns.hasHeader { return true }
        return try records.next()
    }

    private func addRow(to batch: inout RowBatch) throws(FormatError) {
        let fields = records.fields
        guard fields.count == columns.meanings.count else {
            throw FormatError.invalid(
                "the record has \(counted(fields.count, "field")), and the first one has \(columns.meanings.count)",
                remedy: "put fields with delimiters or line breaks in quotes"
            )
        }
        let begin = batch.components.count
        var id: RowID?
        var metadata: String?
        var members = ""
        try appendComponents(fields, to: &batch.components)
        for index in columns.others {
            switch columns.meanings[index] {
            case .component: break
            case .vector: try appendVector(fields[index], to: &batch.components)
            case .id:
                let text = try records.text(fields[index])
                if text.isEmpty { throw FormatError.invalid("the id is empty", remedy: "give the row one") }
                id = .untyped(text)
            case .metadata:
                let text = try records.text(fields[index])
                if !text.isEmpty { metadata = JSONObject.singleLine(try checked(text)) }
            case .field(let key):
                guard let value = try jsonValue(fields[index]) else { continue }
                members += "\(members.isEmpty ? "" : ", ")\(key): \(value)"
            case .ignored: break
            }
        }
        let count = batch.components.count - begin
        if dimension == nil, !VectorLimits.dimensions.contains(count) { throw VectorLimits.refusal(of: count) }
        if let dimension, count != dimension { throw VectorLimits.refusal(of: count, expected: dimension) }
        dimension = count
        batch.places.append(records.lineNumber)
        try rule.add(id, to: &batch)
        batch.metadata.append(metadata ?? (members.isEmpty ? nil : "{\(members)}"))
    }

    private func appendComponents(_ fields: [CSVRecords.Field], to components: inout [Float]) throws(FormatError) {
        let (columns, floats) = (columns.components, floats)
        var next = 0
        while true {
            try records.withBytes { bytes throws(FormatError) in
                while next < columns.count {
                    let range = fields[columns[next]].range
                    guard let (value, end) = floats.number(bytes, from: range.lowerBound, .loose),
                        end == range.upperBound, value.isFinite
                    else { return }
                    components.append(value)
                    next += 1
                }
            }
            if next == columns.count { return }
            // Spaces are around it, or it is no number.
            components.append(try component(columns[next]))
            next += 1
        }
    }

    private func component(_ index: Int) throws(FormatError) -> Float {
        let field = records.fields[index]
        let value = try records.withBytes { bytes throws(FormatError) -> Float? in
            var range = field.range
            while !range.isEmpty, bytes[range.lowerBound] == 0x20 { range = range.lowerBound + 1..<range.upperBound }
            while !range.isEmpty, bytes[range.upperBound - 1] == 0x20 {
                range = range.lowerBound..<range.upperBound - 1
            }
            guard let (value, end) = floats.number(bytes, from: range.lowerBound, .loose), end == range.upperBound
            else {
                return nil
            }
            return value
        }
        if let value, value.isFinite { return value }
        let what = value == nil ? "no number" : "beyond float32's range (about 3.4e38)"
        throw FormatError.invalid(
            "column \"\(excerpt(columns.names[index]))\": '\(excerpt(try records.text(field)))' is \(what)",
            remedy: value == nil ? "correct it, or leave the row out" : "scale the vector down"
        )
    }

    private func appendVector(_ field: CSVRecords.Field, to components: inout [Float]) throws(FormatError) {
        let begin = components.count
        let end = try records.withBytes { bytes throws(FormatError) in
            floats.appendArray(bytes, from: field.range.lowerBound, to: &components)
        }
        if end == field.range.upperBound { return }
        // It is no such array, or white space is around it: this way is slower, and its errors say what is wrong.
        components.removeSubrange(begin...)
        components += try LacunaFormats.floats(fromJSONArray: try records.text(field))
    }

    private func checked(_ text: String) throws(FormatError) -> String {
        do throws(FormatError) {
            let object = try JSONObject(text)
            try object.checkKeys()
            return object.text
        } catch { throw error.at("\"metadata\"") }
    }

    /// A number that isn't in quotes stays a number; everything else is a text; an empty field that isn't in quotes is
    /// no value.
    private func jsonValue(_ field: CSVRecords.Field) throws(FormatError) -> String? {
        let text = try records.text(field)
        if field.isQuoted { return jsonString(text) }
        if text.isEmpty { return nil }
        let isNumber = try records.withBytes { bytes throws(FormatError) in
            floats.number(bytes, from: field.range.lowerBound, .json)?.end == field.range.upperBound
        }
        return isNumber ? text : jsonString(text)
    }
}
