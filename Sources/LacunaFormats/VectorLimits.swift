/// What every vector format here agrees on.
enum VectorLimits {
    /// Components a row may have. Bounds the memory one row takes, whatever a header claims.
    static let dimensions = 1...65_536

    static func refusal(of dimension: Int) -> String {
        "the dimension is \(dimension), and may be 1 to 65,536; check how the file was written"
    }

    /// A row to be written has the file's dimension.
    static func check(_ row: [Float], dimension: Int, row index: Int, path: String) throws(FormatError) {
        guard row.count == dimension else {
            throw FormatError.invalid(
                path,
                "row \(index) has \(row.count) components, and the file's dimension is \(dimension); "
                    + "write rows of one dimension"
            )
        }
    }
}
