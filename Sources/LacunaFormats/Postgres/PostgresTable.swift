/// The table that a script makes in PostgreSQL, with pgvector's types.
package struct PostgresTable: Sendable {
    /// The index on the vectors.
    package enum VectorIndex: String, CaseIterable, Sendable {
        /// On the column.
        case hnsw
        /// On the components as float16, from which the search's order comes; the column stays as it is.
        case half
        case none
    }

    /// The most bytes of a name: PostgreSQL cuts names after 63, and the names of indexes are this one and `_metadata`.
    package static let maximumNameBytes = 63 - "_metadata".utf8.count

    let name: String
    let index: VectorIndex
    let description: ExportDescription

    /// - Parameter options: The table's name has 1 to ``maximumNameBytes`` bytes.
    /// - Throws: `.invalid` if pgvector can't have such vectors, or such an index.
    init(_ options: RowWriterOptions) throws(FormatError) {
        precondition((1...Self.maximumNameBytes).contains(options.table.utf8.count))
        name = options.table
        index = options.index
        description = options.description
        try checkDimension()
    }

    private func checkDimension() throws(FormatError) {
        let dimension = description.dimension
        guard dimension <= 16_000 else {
            throw FormatError.invalid(
                "the vectors have \(dimension) components, and pgvector takes at most 16,000",
                remedy: "export to another format"
            )
        }
        let isHalf = columnIsHalf || rounds
        guard index == .none || dimension <= (isHalf ? 4_000 : 2_000) else {
            throw FormatError.invalid(
                "the vectors have \(dimension) components, and pgvector's HNSW index takes at most "
                    + (isHalf ? "4,000 of float16" : "2,000"),
                remedy: dimension <= 4_000
                    ? "index them as float16 with --index half, or not at all with --index none"
                    : "leave the index out with --index none"
            )
        }
    }

    /// Float16 and int8 have no more digits than `halfvec` keeps.
    var columnIsHalf: Bool { description.element != "float32" }

    /// Whether the index has components that the column keeps with more digits.
    var rounds: Bool { index == .half && !columnIsHalf }

    var quotedName: String { Self.quoted(name) }
    /// Makes a table of this name that holds a copy until the rows are merged.
    var quotedStagingName: String { "pg_temp." + Self.quoted(name + "_staging") }

    /// The columns, between parentheses. Texts are compared by their bytes, as the store does it.
    func columns(withKey: Bool) -> String {
        let id =
            switch description.ids {
            case "integer": "id bigint"
            case "uuid": "id uuid"
            default: #"id text COLLATE "C""#
            }
        let vector = "vector \(columnIsHalf ? "halfvec" : "vector")(\(description.dimension)) NOT NULL"
        return "(\(id)\(withKey ? " PRIMARY KEY" : ""), \(vector), metadata jsonb)"
    }

    /// Says, as the table's comment, whose rows these are, so that no other store's rows are ever merged into them.
    var comment: String { Self.literal("Lacuna store \(description.store)") }

    /// - Parameter condition: `IF NOT EXISTS`, or nothing.
    func createIndexes(_ condition: String = "") -> String {
        var text = ""
        let condition = condition.isEmpty ? "" : condition + " "
        if index != .none {
            let distance =
                switch description.metric {
                case "cosine": "cosine"
                case "dot": "ip"
                default: "l2"
                }
            let column = rounds ? "(vector::halfvec(\(description.dimension)))" : "vector"
            text += """
                CREATE INDEX \(condition)\(Self.quoted(name + "_vector")) ON \(quotedName)
                    USING hnsw (\(column) \(columnIsHalf || rounds ? "halfvec" : "vector")_\(distance)_ops);

                """
        }
        return text + """
            CREATE INDEX \(condition)\(Self.quoted(name + "_metadata")) ON \(quotedName)
                USING gin (metadata jsonb_path_ops);

            """
    }

    static func quoted(_ name: String) -> String { "\"\(name.doubling(UInt8(ascii: "\"")))\"" }

    /// A text as an SQL literal, for a session with `standard_conforming_strings`.
    static func literal(_ text: String) -> String { "'\(text.doubling(UInt8(ascii: "'")))'" }
}
