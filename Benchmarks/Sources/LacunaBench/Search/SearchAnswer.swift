import Lacuna
import Measuring

/// The rows that a search found, nearest first, and its time.
struct SearchAnswer {
    let seconds: Double
    /// Nil for an id that no row has.
    let rows: [Int?]
    let distances: [Double]
}

extension VectorStore where ID: SearchedID {
    func answer(to query: [Float], limit: Int, where filter: Filter? = nil) throws -> SearchAnswer {
        var matches: [Match<ID>] = []
        let duration = try timed { matches = try search(for: query, limit: limit, where: filter) }
        return SearchAnswer(
            seconds: duration.seconds,
            rows: matches.map(\.id.row),
            distances: matches.map(\.distance)
        )
    }
}

/// A search didn't find the nearest rows, so the measured times mean nothing.
struct WrongAnswer: Error, CustomStringConvertible {
    let description: String

    init(_ answer: SearchAnswer, wanted: [SearchModel.Neighbour]) {
        // The first few rows say enough.
        let found = zip(answer.rows, answer.distances).prefix(20)
            .map { row, distance in "\(row.map { "\($0)" } ?? "?") at \(distance)" }
        let wanted = wanted.prefix(20).map { "\($0.row) at \($0.distance)" }
        description = """
            a search found the rows \(found.joined(separator: ", ")), \
            and the nearest are \(wanted.joined(separator: ", "))
            """
    }
}
