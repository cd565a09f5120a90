/// The meaning of each column of a CSV file.
struct CSVColumns {
    enum Meaning: Equatable {
        case component
        /// The whole vector, as a JSON array.
        case vector
        case id
        /// The metadata, as a JSON object.
        case metadata
        /// A field of the metadata, with its key as JSON text.
        case field(String)
        case ignored
    }

    private(set) var meanings: [Meaning]
    private(set) var hasHeader = true
    let names: [String]

    /// The columns that have a component each.
    private(set) var components: [Int] = []
    /// The other columns.
    private(set) var others: [Int] = []

    var dimension: Int? { meanings.contains(.vector) ? nil : components.count }

    /// - Parameter names: The fields of the first record, which is the header unless all of them are numbers.
    init(_ names: [String], _ options: RowReaderOptions) throws(FormatError) {
        self.names = names
        meanings = names.map { .field(jsonString($0)) }
        defer {
            components = meanings.indices.filter { meanings[$0] == .component }
            others = meanings.indices.filter { meanings[$0] != .component }
        }
        if options.names.isEmpty, Self.areNumbers(names) {
            hasHeader = false
            meanings = names.map { _ in .component }
            return
        }
        try findVector(options)
        if let id = try column(options.idField, Self.idNames, "id") { meanings[id] = .id }
        if let metadata = try column(options.metadataField, [JSONRowFields.metadataName], "metadata") {
            meanings[metadata] = .metadata
            let others = meanings.indices.filter { if case .field = meanings[$0] { true } else { false } }
            if options.metadataField == nil, let other = others.first {
                throw FormatError.invalid(
                    "there is a column \"\(excerpt(names[other]))\" beside \"metadata\"",
                    remedy: "leave it out with --metadata-field metadata"
                )
            }
            for other in others { meanings[other] = .ignored }
        }
        var keys: Set<[UInt8]> = []
        for (index, meaning) in meanings.enumerated() {
            guard case .field(let key) = meaning, !keys.insert(Array(key.utf8)).inserted else { continue }
            throw FormatError.invalid("two columns are named \"\(excerpt(names[index]))\"", remedy: "rename one")
        }
    }

    private static let idNames = [JSONRowFields.idName, "ID", "Id"]

    /// The column of a name that was given, or else the first of the usual names that there is.
    private func column(_ given: String?, _ usual: [String], _ what: String) throws(FormatError) -> Int? {
        for name in given.map({ [$0] }) ?? usual {
            if let index = names.firstIndex(of: name), meanings[index] != .component { return index }
        }
        guard let given else { return nil }
        throw FormatError.invalid(
            "no column is named \"\(excerpt(given))\"; there are \(listed)",
            remedy: "name the one that has the \(what)"
        )
    }

    private var listed: String {
        names.prefix(5).map { "\"\(excerpt($0))\"" }.joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    }

    private mutating func findVector(_ options: RowReaderOptions) throws(FormatError) {
        for name in options.vectorField.map({ [$0] }) ?? JSONRowFields.vectorNames {
            if let index = names.firstIndex(of: name) {
                meanings[index] = .vector
                return
            }
        }
        var series = Self.series(names).filter { $0.prefix == options.vectorField ?? $0.prefix }
        if let dimension = options.dimension, series.contains(where: { $0.columns.count == dimension }) {
            series = series.filter { $0.columns.count == dimension }
        }
        guard series.count == 1, let found = series.first else {
            let given = options.vectorField.map { "\"\(excerpt($0))\"" } ?? "\"vector\" or \"embedding\""
            throw FormatError.invalid(
                "no column is named \(given), and "
                    + (series.isEmpty ? "none are numbered from 0 or 1" : "several series of columns are numbered")
                    + "; there are \(listed)",
                remedy: "name the column of the vectors with --vector-field, or what stands before the numbers"
            )
        }
        for column in found.columns { meanings[column] = .component }
    }

    /// The series of columns that are numbered from 0 or 1 upwards after the same text: `dim_0`, `dim_1`, …
    private static func series(_ names: [String]) -> [(prefix: String, columns: [Int])] {
        var columns: [String: [Int]] = [:]
        var broken: Set<String> = []
        var first: [String: Int] = [:]
        for (index, name) in names.enumerated() {
            let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.count
            let prefix = String(name.dropLast(digits))
            guard digits > 0, let number = Int(name.suffix(digits)) else { continue }
            let begin = first[prefix] ?? number
            first[prefix] = begin
            if begin > 1 || number != begin + columns[prefix, default: []].count { broken.insert(prefix) }
            columns[prefix, default: []].append(index)
        }
        return columns.filter { $0.value.count > 1 && !broken.contains($0.key) }
            .map { ($0.key, $0.value) }.sorted { $0.prefix < $1.prefix }
    }

    /// Whether the first record is a row of components: numbers, but not 0, 1, 2, … or 1, 2, 3, …, which number columns.
    private static func areNumbers(_ names: [String]) -> Bool {
        let numbers = names.map { Double($0.trimmingSpaces) }
        guard names.count > 1, !numbers.contains(nil) else { return false }
        return series(names).first { $0.prefix.isEmpty }?.columns.count != names.count
    }
}

extension String {
    fileprivate var trimmingSpaces: Substring {
        var text = self[...]
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
