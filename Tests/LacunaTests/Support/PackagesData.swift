import Foundation
import Lacuna
import LacunaFormats
import TestSupport
import Testing

/// The "packages" data set, whole or as a sample: rows, queries, and the exact answers that came with them.
struct PackagesData: Sendable {
    struct Answer: Decodable, Sendable {
        let id: Int64
        let filter: String?
        let matching: Int?
        let ids: [Int64]
        let scores: [Double]
    }

    let directory: String
    /// The name of the rows' files: `sample` or `packages`.
    let name: String

    /// The sample in the repository.
    static let sample = PackagesData(directory: Repository.sample, name: "sample")
    /// The whole set beside the repository, if it was fetched.
    static let whole = PackagesData(
        directory: Repository.root.deletingLastPathComponent().appendingPathComponent("shared/data/packages").path,
        name: "packages"
    )

    var isThere: Bool { exists("\(directory)/\(name).npy") }

    /// The queries' vectors by the queries' ids.
    func queries() throws -> [Int64: [Float]] {
        let vectors = try NPYReader(path: "\(directory)/queries.npy")
        let lines = try JSONLinesReader(path: "\(directory)/queries.jsonl")
        var queries: [Int64: [Float]] = [:]
        while let object = try lines.next() {
            let id = try #require(Int64(object.member(named: "id")?.rawValue ?? ""))
            var vector: [Float] = []
            _ = try vectors.next(1, into: &vector)
            queries[id] = vector
        }
        return queries
    }

    func answers(_ file: String) throws -> [Answer] {
        let lines = try LineReader(path: "\(directory)/\(file)")
        var answers: [Answer] = []
        while let line = try lines.next() {
            answers.append(try JSONDecoder().decode(Answer.self, from: Data(line.utf8)))
        }
        return answers
    }

    /// Every row with its metadata, in batches of a thousand.
    func fill(_ store: VectorStore<Int64>) throws -> Int {
        let vectors = try NPYReader(path: "\(directory)/\(name).npy")
        let lines = try JSONLinesReader(path: "\(directory)/\(name).jsonl")
        var values: [Float] = []
        var total = 0
        while true {
            let count = try vectors.next(1_000, into: &values)
            if count == 0 { return total }
            try store.write { batch in
                for row in 0..<count {
                    let object = try #require(try lines.next())
                    let id = try #require(Int64(object.member(named: "id")?.rawValue ?? ""))
                    let range = row * vectors.dimension..<(row + 1) * vectors.dimension
                    try batch.put(
                        values.span.extracting(range),
                        for: id,
                        metadataJSON: try object.removing("id")
                    )
                }
            }
            total += count
        }
    }

    /// Scores are cosines; two that are nearer than this may change places.
    static let tolerance = 1e-6

    func expect(_ matches: [Match<Int64>], _ answer: Answer, sourceLocation: SourceLocation = #_sourceLocation) {
        #expect(matches.count == answer.ids.count, sourceLocation: sourceLocation)
        let scores = Dictionary(uniqueKeysWithValues: zip(answer.ids, answer.scores))
        // The last row may tie with rows that are not in the list.
        let edge = answer.scores.last ?? 0
        for (match, score) in zip(matches, answer.scores) {
            let own = scores[match.id] ?? edge
            let isRight = abs(1 - match.distance - score) <= Self.tolerance && abs(own - score) <= Self.tolerance
            #expect(isRight, "query \(answer.id): \(match), \(score)", sourceLocation: sourceLocation)
        }
        #expect(Set(matches.map(\.id)).count == matches.count, sourceLocation: sourceLocation)
    }

    func expectAllAnswers(_ store: VectorStore<Int64>) throws {
        let queries = try queries()
        let answers = try answers("truth.jsonl")
        let found = try store.search(forEach: answers.map { queries[$0.id] ?? [] }, limit: 100)
        for (matches, answer) in zip(found, answers) { expect(matches, answer) }
        for answer in try self.answers("truth_filtered.jsonl") {
            for filter in try Self.filters(answer.filter) {
                expect(try store.search(for: queries[answer.id] ?? [], limit: 20, where: filter), answer)
                if answer.id == 4 { #expect(try store.count(where: filter) == answer.matching) }
            }
        }
    }

    /// A filter of the answers in three forms.
    private static func filters(_ name: String?) throws -> [Filter] {
        let (section, size) = ("science", 500)
        switch name {
        case "science":
            return [
                "metadata ->> 'section' = \(section)", .field("section") == section,
                try Filter(json: #"{"section": "science"}"#),
            ]
        case "small":
            return [
                "metadata ->> 'installed_kib' < \(size)", .field("installed_kib") < size,
                try Filter(json: #"{"installed_kib": {"$lt": 500}}"#),
            ]
        default:
            return [
                "metadata ->> 'section' = \(section) AND metadata ->> 'installed_kib' < \(size)",
                .field("section") == section && .field("installed_kib") < size,
                try Filter(json: #"{"section": "science", "installed_kib": {"$lt": 500}}"#),
            ]
        }
    }
}
