import LacunaFormats

/// A value of `--json` output, as text.
struct JSONText {
    let text: String

    private init(raw: String) { text = raw }

    /// JSON text as it is.
    static func raw(_ text: String) -> JSONText { JSONText(raw: text) }
    static let null = JSONText(raw: "null")

    init(_ string: String) { text = jsonString(string) }
    init(_ string: String?) { text = string.map(jsonString) ?? Self.null.text }
    init(_ flag: Bool?) { text = flag.map { $0 ? "true" : "false" } ?? Self.null.text }
    init(_ integer: some BinaryInteger) { text = String(integer) }
    /// Prints the shortest decimals that read back as the same number.
    init(_ number: Double) { text = number.isFinite ? number.description : "null" }
    init(_ duration: Duration) { self.init(duration.inSeconds) }
    init(_ values: [JSONText]) { text = "[" + values.map(\.text).joined(separator: ",") + "]" }

    /// An object's text, its members in this order.
    static func object(_ members: KeyValuePairs<String, JSONText>) -> String { object(Array(members)) }

    static func object(_ members: [(key: String, value: JSONText)]) -> String {
        "{" + members.map { "\(jsonString($0.key)):\($0.value.text)" }.joined(separator: ",") + "}"
    }
}

/// Metadata for people: `name: genders, section: admin`.
func metadataText(_ json: String?) -> String {
    guard let json else { return "(no metadata)" }
    guard let object = try? JSONObject(json) else { return singleLine(json) }
    return object.members.map { "\(singleLine($0.key)): \(memberText($0))" }.joined(separator: ", ")
}

/// A member's value for people: a string without its quotes.
func memberText(_ member: JSONObject.Member) -> String {
    if member.rawValue.hasPrefix("\""), case .string(let string)? = try? JSONScalar(parsing: member.rawValue) {
        return singleLine(string)
    }
    return singleLine(member.rawValue)
}
