#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Keeps a long call to its options: reports its progress, holds it to its rate, and stops it.
package final class Pace {
    private let options: MaintenanceOptions
    private let progress: ProgressHandler
    private let end: ContinuousClock.Instant?
    /// When the bytes so far are paid for.
    private var due = ContinuousClock.now
    private var last = MaintenanceProgress(done: 0, total: 0)
    private var hasStopped = false

    /// How often a wait looks whether it is still wanted.
    private static let slice = Duration.milliseconds(20)
    /// A tenth of a second's bytes at a time, so that a limit is a rate and not a burst now and then.
    private static let batchesPerSecond: Int64 = 10
    private static let smallestBatch = 64 << 10
    private static let longestDeadline = Duration.seconds(1 << 32)

    package init(_ options: MaintenanceOptions = MaintenanceOptions(), _ progress: @escaping ProgressHandler) {
        self.options = options
        self.progress = progress
        // A deadline so late that the clock can't tell it is none.
        end = options.deadline.map { ContinuousClock.now + min($0, Self.longestDeadline) }
    }

    static func check(_ options: MaintenanceOptions) throws(VectorStoreError) {
        if let rate = options.maxBytesPerSecond, rate <= 0 {
            throw VectorStoreError(
                .invalidArgument,
                "a limit of \(rate) bytes a second is out of range",
                remedy: "choose at least 1"
            )
        }
        if let deadline = options.deadline, deadline <= .zero {
            throw VectorStoreError(
                .invalidArgument,
                "a deadline of \(deadline) has passed already",
                remedy: "choose a later one"
            )
        }
    }

    /// `limits`, in smaller batches where the rate wants it.
    func limited(_ limits: MaintenanceLimits) -> MaintenanceLimits {
        guard let rate = options.maxBytesPerSecond else { return limits }
        var limits = limits
        limits.bytes = min(limits.bytes, max(Self.smallestBatch, Int(clamping: rate / Self.batchesPerSecond)))
        return limits
    }

    /// After each batch of `bytes`: throws what stops the call, and waits until they are within the rate.
    ///
    /// - Parameter check: Throws what stops the call, ``check()`` among it: called all through the wait.
    func advance(_ done: Int, of total: Int, bytes: Int, check: () throws -> Void) throws {
        last = MaintenanceProgress(done: done, total: max(done, total))
        try check()
        guard let rate = options.maxBytesPerSecond, !hasStopped else { return }
        due = max(due, .now) + .seconds(Double(bytes) / Double(rate))
        while case let rest = due - .now, rest > .zero {
            usleep(useconds_t(min(Self.slice, rest) / .microseconds(1)))
            try check()
        }
    }

    /// Throws what stops the call; once, so that what puts things in order afterwards isn't stopped again.
    func check() throws {
        if hasStopped { return }
        if let end, ContinuousClock.now >= end {
            hasStopped = true
            throw VectorStoreError(
                .deadlineExceeded,
                "the deadline has passed; the store is in order"
            )
        }
        do { try progress(last) } catch {
            hasStopped = true
            throw CallersError(error: error)
        }
    }
}
