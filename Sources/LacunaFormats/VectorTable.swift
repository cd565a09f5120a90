/// The columns of a `vec0` table of sqlite-vec, from the text that made it.
///
/// The text is `CREATE VIRTUAL TABLE name USING vec0(…)`, with a part for each column or option between commas: a column
/// is a name, a type and perhaps more words; `+` stands before an auxiliary column; an option has a `=` after its name.
struct VectorTableDefinition {
    enum Element: Equatable {
        case float32, int8, bit

        var bitCount: Int {
            switch self {
            case .float32: 32
            case .int8: 8
            case .bit: 1
            }
        }
    }

    enum MetadataType {
        case integer, real, text, boolean
    }

    struct Vector {
        let name: String
        let element: Element
        let dimension: Int
    }

    private(set) var vectors: [Vector] = []
    private(set) var metadata: [(name: String, type: MetadataType)] = []
    private(set) var auxiliaries: [String] = []
    private(set) var partitions: [String] = []
    /// Whether the ids are texts; else they are the row numbers.
    private(set) var hasTextID = false

    /// Nil if the text makes something else, or can't be read.
    init?(_ definition: String) {
        guard let open = definition.firstIndex(of: "("), let close = definition.lastIndex(of: ")"),
            open < close
        else {
            return nil
        }
        let head = definition[..<open].lowercased().split(whereSeparator: \.isWhitespace)
        guard head.count >= 5, head[..<3] == ["create", "virtual", "table"],
            head.suffix(2) == ["using", "vec0"]
        else {
            return nil
        }
        for part in definition[definition.index(after: open)..<close].split(separator: ",") {
            guard add(part.split(whereSeparator: \.isWhitespace).map(String.init)) else { return nil }
        }
        if vectors.isEmpty { return nil }
    }

    private mutating func add(_ words: [String]) -> Bool {
        guard let first = words.first else { return false }
        if first.hasPrefix("+") {
            let name = first == "+" ? words.dropFirst().first : String(first.dropFirst())
            guard let name else { return false }
            auxiliaries.append(name)
            return true
        }
        if first.contains("=") || words.dropFirst().first?.hasPrefix("=") == true { return true }
        guard words.count > 1 else { return false }
        let (type, rest) = (words[1].lowercased(), words.dropFirst(2).map { $0.lowercased() })
        if rest.starts(with: ["primary", "key"]) {
            hasTextID = type == "text"
            return true
        }
        if rest.starts(with: ["partition", "key"]) {
            partitions.append(first)
            return true
        }
        if let bracket = type.firstIndex(of: "[") {
            let elements: [String: Element] = [
                "float": .float32, "f32": .float32, "int8": .int8, "i8": .int8, "bit": .bit,
            ]
            guard type.hasSuffix("]"), let element = elements[String(type[..<bracket])],
                let dimension = Int(type[type.index(after: bracket)...].dropLast()),
                VectorLimits.dimensions.contains(dimension)
            else { return false }
            vectors.append(Vector(name: first, element: element, dimension: dimension))
            return true
        }
        let types: [String: MetadataType] = [
            "integer": .integer, "int": .integer, "float": .real, "double": .real, "text": .text,
            "boolean": .boolean,
            "bool": .boolean,
        ]
        guard let type = types[type] else { return false }
        metadata.append((first, type))
        return true
    }
}
