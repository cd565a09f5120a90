/// What is stored beside each vector. Its `id` is the row's id, so it isn't stored twice.
struct Note: Codable, Identifiable, Sendable {
    let id: Int64
    var name: String
    var section: String
    var summary: String
}
