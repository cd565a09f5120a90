/// The query that stands for examples: rows like some vectors, and unlike others.
///
/// This is Rocchio's formula for relevance feedback (J. J. Rocchio, Relevance Feedback in Information Retrieval, 1971)
/// with the weights 2 for the mean of the positive examples and 1 for the mean of the negative ones. It leads from the
/// positive mean as far away from the negative mean as that is from it, which makes sense for each metric.
enum ExampleQuery {
    /// - Parameter positives: At least one vector.
    static func query(_ positives: [[Float]], _ negatives: [[Float]], _ metric: DistanceMetric) -> [Float] {
        if positives.count == 1 && negatives.isEmpty { return positives[0] }
        let positive = mean(positives, metric)
        if negatives.isEmpty { return positive.map { Float($0) } }
        return zip(positive, mean(negatives, metric)).map { Float(2 * $0 - $1) }
    }

    /// Under the cosine metric, only the directions of vectors count.
    private static func mean(_ vectors: [[Float]], _ metric: DistanceMetric) -> [Double] {
        var sums = [Double](repeating: 0, count: vectors[0].count)
        for vector in vectors {
            let square = metric == .cosine ? vector.reduce(0.0) { $0 + Double($1) * Double($1) } : 1
            let length = square > 0 ? square.squareRoot() : 1
            for (index, component) in vector.enumerated() { sums[index] += Double(component) / length }
        }
        return sums.map { $0 / Double(vectors.count) }
    }
}
