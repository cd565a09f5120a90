import ArgumentParser
import Lacuna

/// How hard, and how long, a command may work that compacts or erases.
struct LimitOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Bytes of the data file a second, at most.", valueName: "bytes"))
    var maxRate: Int64?

    @Option(
        help: ArgumentHelp(
            "Seconds after which to stop, with status 75 and everything in order; fractions are fine.",
            valueName: "seconds"
        )
    )
    var deadline: Double?

    /// What is longer is no deadline any more.
    private static let longestDeadline = 1e9

    func validate() throws {
        if let maxRate, maxRate < 1 {
            throw ValidationError("--max-rate \(maxRate) is out of range; give 1 byte a second at least")
        }
        if let deadline, !(deadline > 0 && deadline <= Self.longestDeadline) {
            throw ValidationError("--deadline \(deadline) is out of range; give more than 0 seconds, and 1e9 at most")
        }
    }

    var options: MaintenanceOptions {
        MaintenanceOptions(maxBytesPerSecond: maxRate, deadline: deadline.map { .seconds($0) })
    }
}
