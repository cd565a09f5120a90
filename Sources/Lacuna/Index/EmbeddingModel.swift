/// The model that made a store's vectors, as the caller describes it.
///
/// The store keeps the description, and refuses to be opened with another one (``VectorStoreOptions/model``). Nothing
/// about the vectors is checked against it.
public struct EmbeddingModel: Hashable, Sendable {
    /// The model's name: 1 to 255 bytes of UTF-8 without NUL, as `all-MiniLM-L6-v2`.
    public var name: String
    /// The model's version, of the same form; nil if the caller doesn't say it.
    public var version: String?
    /// Whether the caller makes all vectors have the length 1; nil if the caller doesn't say it. No vector's length is
    /// checked, and no vector is changed: distances are the same with any of the three values.
    public var isNormalized: Bool?

    /// Makes a description; ``VectorStore/create(at:configuration:options:)`` and ``VectorStore/open(at:access:options:)`` check it.
    public init(_ name: String, version: String? = nil, normalized: Bool? = nil) {
        self.name = name
        self.version = version
        self.isNormalized = normalized
    }

    /// Whether both may describe one model: the names are the same, and so is everything else that both say.
    func agrees(with other: EmbeddingModel) -> Bool {
        func agree<T: Equatable>(_ one: T?, _ two: T?) -> Bool { one == nil || two == nil || one == two }
        return name == other.name && agree(version, other.version) && agree(isNormalized, other.isNormalized)
    }

    /// Throws `invalidArgument` if a text is empty, too long, or holds a NUL character.
    func check() throws(VectorStoreError) {
        try Self.check(name, "name")
        if let version { try Self.check(version, "version") }
    }

    private static let longestText = 255

    private static func check(_ text: String, _ what: String) throws(VectorStoreError) {
        func refusal(_ why: String, _ remedy: VectorStoreError.Remedy) -> VectorStoreError {
            VectorStoreError(.invalidArgument, "the \(what) of the model \(why)", remedy: remedy)
        }
        let bytes = text.utf8
        if bytes.isEmpty { throw refusal("is empty", "give it one, or leave it out") }
        if bytes.contains(0) { throw refusal("holds a NUL character", "remove that character") }
        if bytes.count > longestText {
            throw refusal("has \(bytes.count) bytes", "shorten it to \(longestText)")
        }
    }
}

extension EmbeddingModel: CustomStringConvertible {
    /// The description in words, as `all-MiniLM-L6-v2, version 2, normalized`.
    public var description: String {
        [name, version.map { "version \($0)" }, isNormalized.map { $0 ? "normalized" : "not normalized" }]
            .compactMap(\.self).joined(separator: ", ")
    }
}
