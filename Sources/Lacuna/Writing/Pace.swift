#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Applies the options of a long call: reports its progress, keeps it to its rate, and stops it.
package final class Pace {
    private let options: MaintenanceOptions
    private let progress: ProgressHandler
    private let call = AsyncCall.current
    private let end: ContinuousClock.Instant?
    /// The time at which the bytes so far are within the rate.
    private var due = ContinuousClock.now
    private var last = MaintenanceProgress(done: 0, total: 0)
    private var hasStopped = false

    /// The time after which a wait checks again whether it must end.
    private static let slice = Duration.milliseconds(20)
    /// A batch has the bytes of a tenth of a second, so that the limit makes an even rate and not bursts.
    private static let batchesPerSecond: Int64 = 10
    private static let smallestBatch = 64 << 10
    private static let longestDeadline = Duration.seconds(1 << 32)

    package init(_ options: MaintenanceOptions = MaintenanceOptions(), _ progress: @escaping ProgressHandler) {
        self.options = options
        self.progress = progress
        // A deadline that is too late for the clock is shortened.
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

    /// Returns `limits`, with smaller batches if the rate needs them.
    func limited(_ limits: MaintenanceLimits) -> MaintenanceLimits {
        guard let rate = options.maxBytesPerSecond else { return limits }
        var limits = limits
        limits.bytes = min(limits.bytes, max(Self.smallestBatch, Int(clamping: rate / Self.batchesPerSecond)))
        return limits
    }

    /// Called after each batch of `bytes`: throws if the call must stop, and waits until the bytes are within the rate.
    ///
    /// - Parameter check: Throws if the call must stop; includes ``check()``. Called again and again during the wait.
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

    /// Throws if the call must stop. It throws only once, so that the work that puts things in order afterwards isn't
    /// stopped too.
    func check() throws {
        if hasStopped { return }
        if let end, ContinuousClock.now >= end {
            hasStopped = true
            throw VectorStoreError(
                .deadlineExceeded,
                "the deadline has passed, and the store is in order"
            )
        }
        do {
            if call?.isCancelled == true { throw CancellationError() }
            try progress(last)
        } catch {
            hasStopped = true
            throw CallersError(error: error)
        }
    }
}
