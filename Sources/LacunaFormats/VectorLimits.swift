/// The limits of all vector formats here.
enum VectorLimits {
    /// The number of components that a row may have. It bounds the memory for one row, whatever a header claims.
    static let dimensions = 1...65_536

    static func refusal(of dimension: Int) -> FormatError {
        .invalid("the dimension is \(dimension), and may be 1 to 65,536", remedy: "check how the file was written")
    }

    static func refusal(of dimension: Int, expected: Int, of what: String = "the store's") -> FormatError {
        .invalid(
            "the vector has \(counted(dimension, "component")), and \(what) have \(expected)",
            remedy: "give vectors of the model that made \(what)"
        )
    }

    /// Throws unless a row to be written has the file's dimension.
    static func check(_ row: [Float], dimension: Int, row index: Int, path: String) throws(FormatError) {
        guard row.count == dimension else {
            throw FormatError.invalid(
                path,
                "row \(index) has \(counted(row.count, "component")), and the file's dimension is \(dimension)",
                remedy: "write rows of one dimension"
            )
        }
    }
}
