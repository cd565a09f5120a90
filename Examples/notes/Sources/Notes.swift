import Foundation
import Lacuna

/// A small app with notes: it imports some, finds them by meaning and by words, changes and deletes them, follows what
/// changes, and gives the space back while it goes on.
@main
struct Notes {
    let store: VectorStore<Int64>

    /// - The first argument is the folder with the sample, the second one the store's directory.
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 3 else { return print("usage: notes SAMPLE-FOLDER STORE") }
        // Maintenance in the background: once enough rows are dead and nobody writes, the store compacts itself.
        let store = try await VectorStore<Int64>.openOrCreate(
            at: arguments[2],
            configuration: .init(dimension: 384, metric: .cosine, model: EmbeddingModel("all-MiniLM-L6-v2")),
            options: .init(maintenance: .init())
        )
        try await Notes(store: store).run(Sample(arguments[1]))
        try await store.close()
    }

    func run(_ sample: Sample) async throws {
        let following = Task { await follow() }
        try await add(sample)
        try await search(sample)
        try await change()
        following.cancel()
        print("\(await following.value > 0 ? "the list was told of changes" : "the list heard nothing")")
    }

    /// All of them, or none. Notes that are there already get their new vectors and metadata.
    private func add(_ sample: Sample) async throws {
        try await store.write { batch in
            for (note, vector) in zip(sample.notes, sample.vectors) {
                try batch.put(vector, for: note.id, metadata: note, replacing: true)
            }
        }
        try await store.createMetadataIndex(on: "section")
        try await store.createTextIndex(on: ["name", "summary"])
        print("\(try store.count) notes")
    }

    private func search(_ sample: Sample) async throws {
        // A real app embeds what the user typed.
        let query = sample.vectors[41]
        print("like “\(sample.notes[41].summary)”:")
        for match in try await store.search(for: query, limit: 3, as: Note.self) { show(match) }
        print("of these, in the section science:")
        let science = try await store.search(
            for: query,
            limit: 3,
            where: .field("section") == "science",
            as: Note.self
        )
        for match in science { show(match) }
        print("near, and with the words “process monitor”:")
        for match in try await store.search(for: query, matching: .words("process monitor"), limit: 3) {
            let note: Note? = try await store.metadata(for: match.id)
            print("  \(note?.name ?? "–")  ranks \(match.vectorRank ?? 0) and \(match.textRank ?? 0)")
        }
    }

    private func show(_ match: DecodedMatch<Int64, Note>) {
        guard let note = match.metadata else { return }
        print("  \(note.name): \(note.summary)")
    }

    private func change() async throws {
        try await store.patchMetadata(["section": "favourites"], for: 42)
        let deleted = try await store.delete(where: .field("section") == "games")
        // The policy would do this later by itself.
        let report = try await store.compact()
        print("deleted \(deleted) games; \(report.strategy.map { "compacted (\($0.rawValue))" } ?? "little to give back")")
    }

    /// What a list on the screen does: it reads again what has changed. Returns the number of times.
    private func follow() async -> Int {
        var count = 0
        for await change in store.changes() {
            count += 1
            guard let ids = change.ids else { continue }
            print("(told: \(ids.put.count) new, \(ids.metadataChanged.count) changed, \(ids.deleted.count) deleted)")
        }
        return count
    }
}
