/// The time that `body` takes.
package func timed(_ body: () throws -> Void) rethrows -> Duration {
    try ContinuousClock().measure(body)
}

extension Duration {
    package var seconds: Double { self / .seconds(1) }
    /// Whole nanoseconds, for a histogram.
    package var nanoseconds: UInt64 {
        UInt64(max(0, components.seconds)) * 1_000_000_000 + UInt64(max(0, components.attoseconds) / 1_000_000_000)
    }
}

extension Collection<Double> {
    /// The middle value, or the mean of the two in the middle. NaN if there is none; NaN keeps no limit.
    package var median: Double {
        let sorted = sorted()
        guard !sorted.isEmpty else { return .nan }
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
