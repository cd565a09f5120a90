import Measuring

/// Says which rows are dead.
struct Deaths: Hashable {
    let percent: Int
    /// Whether they are ten groups of neighbours, evenly spread, instead of rows at random.
    var inRuns = false

    private static let runs = 10

    static let all = [Deaths(percent: 10), Deaths(percent: 10, inRuns: true), Deaths(percent: 50), Deaths(percent: 90)]

    var description: String { "\(percent) % dead\(inRuns ? ", in runs" : "")" }

    func count(of rows: Int) -> Int { rows * percent / 100 }

    func rows(of rows: Int) -> [Int] {
        let count = count(of: rows)
        if inRuns { return (0..<count).map { $0 + $0 * Self.runs / count * (rows - count) / Self.runs } }
        var random = SplitMix(seed: 3)
        return Array((0..<rows).shuffled(using: &random).prefix(count))
    }
}
