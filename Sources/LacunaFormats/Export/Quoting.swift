extension String {
    /// The text with each such byte twice, as quoted texts have their quotes in SQL and in CSV. Characters are no measure:
    /// a quote and an accent after it are one.
    func doubling(_ byte: UInt8) -> String {
        guard utf8.contains(byte) else { return self }
        return String(decoding: utf8.flatMap { $0 == byte ? [$0, $0] : [$0] }, as: UTF8.self)
    }
}
