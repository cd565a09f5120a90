import ArgumentParser
import Lacuna

/// Limits on the rate and the time of a command that compacts, erases or copies.
struct LimitOptions: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("Process at most this many bytes of the data file a second.", valueName: "bytes")
    )
    var maxRate: Int64?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Stop after this many seconds, with status 75 and the store in order; fractions are allowed.",
            valueName: "seconds"
        )
    )
    var deadline: Double?

    /// A longer time is refused.
    private static let longestDeadline = 1e9

    func check() throws(CommandError) {
        if let maxRate, maxRate < 1 {
            throw .usage("--max-rate \(maxRate) is out of range", remedy: "give at least 1 byte a second")
        }
        if let deadline, !(deadline > 0 && deadline <= Self.longestDeadline) {
            throw .usage("--deadline \(deadline) is out of range", remedy: "give more than 0 seconds, and at most 1e9")
        }
    }

    var options: MaintenanceOptions {
        MaintenanceOptions(maxBytesPerSecond: maxRate, deadline: deadline.map { .seconds($0) })
    }
}
