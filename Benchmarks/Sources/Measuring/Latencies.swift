import Histogram

/// The durations of one thread's calls, in a constant amount of memory. Values are kept to three digits; the longest is
/// kept exactly, since a pause must not be rounded.
package struct Latencies: Sendable {
    private static let hour: UInt64 = 3_600_000_000_000
    private var histogram = Histogram<UInt32>(highestTrackableValue: hour, numberOfSignificantValueDigits: .three)
    private var longestNanoseconds: UInt64 = 0

    package init() {}

    package mutating func record(_ duration: Duration) {
        let nanoseconds = min(duration.nanoseconds, Self.hour)
        longestNanoseconds = max(longestNanoseconds, nanoseconds)
        histogram.record(nanoseconds)
    }

    package var count: Int { Int(histogram.totalCount) }
    /// The longest duration in seconds.
    package var longest: Double { Double(longestNanoseconds) * 1e-9 }

    /// The number of seconds that `percent` percent of the calls took at most.
    package func percentile(_ percent: Double) -> Double {
        min(Double(histogram.valueAtPercentile(percent)) * 1e-9, longest)
    }
}
