import Foundation

/// The threads on which the asynchronous calls of one handle work.
///
/// Each kind of call has threads of its own, so that none waits for slower ones.
struct AsyncCalls: Sendable {
    /// The cores that this process may use. To ask the system takes longer than a small read.
    static let cores = ProcessInfo.processInfo.activeProcessorCount

    /// Searches share the cores: the more there are at a time, the fewer cores each takes. A few threads more than cores
    /// keep the cores busy while a read waits for the disk.
    let reading = CallQueue("lacuna.reading", limit: max(4, Self.cores))
    /// Threads that wait for their turns share commits.
    let writing = CallQueue("lacuna.writing", limit: 16, beginsInTurn: true)
    /// Maintenance, backups, and checks of whole stores.
    let maintenance = CallQueue("lacuna.maintenance", limit: 4)
    /// Suspending and resuming, which must not wait for the calls that suspending ends, nor suspending for a long
    /// resumption.
    let suspending = CallQueue("lacuna.suspending", limit: 4)

    /// Opening and closing.
    static let opening = CallQueue("lacuna.opening", limit: 4)
    /// Recovery, salvage and restoring: opening and closing must not wait for work on all rows.
    static let repairing = CallQueue("lacuna.repairing", limit: 4)
}
