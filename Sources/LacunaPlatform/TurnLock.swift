#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A lock that threads get in the order in which they asked for it.
///
/// A plain mutex goes to the first thread that asks once it is free. On Linux that is mostly the thread that has just
/// unlocked it: a compaction that locks it batch by batch would keep writers out, or they would keep out the
/// compaction.
///
/// `@unchecked Sendable`: the two counters are accessed only under the mutex.
@safe
package final class TurnLock: @unchecked Sendable {
    /// These are on the heap, because neither may move.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    /// A thread waits for the condition of its ticket, so few threads are woken in vain.
    private let turnBegins: UnsafeMutablePointer<pthread_cond_t>
    private static let conditions = 16
    private var nextTicket: UInt64 = 0
    private var serving: UInt64 = 0

    package init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe turnBegins = .allocate(capacity: Self.conditions)
        unsafe turnBegins.initialize(repeating: pthread_cond_t(), count: Self.conditions)
        for number in 0..<Self.conditions { unsafe pthread_cond_init(turnBegins + number, nil) }
    }

    deinit {
        for number in 0..<Self.conditions { unsafe pthread_cond_destroy(turnBegins + number) }
        unsafe turnBegins.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    /// The number of threads that wait for the current thread's turn to end. None of them gives up.
    package var waiting: Int {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        return Int(nextTicket - serving) - 1
    }

    private func condition(_ ticket: UInt64) -> UnsafeMutablePointer<pthread_cond_t> {
        unsafe turnBegins + Int(ticket % UInt64(Self.conditions))
    }

    package func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        unsafe pthread_mutex_lock(mutex)
        let ticket = nextTicket
        nextTicket += 1
        while serving != ticket { unsafe pthread_cond_wait(condition(ticket), mutex) }
        unsafe pthread_mutex_unlock(mutex)
        defer { endTurn() }
        return try body()
    }

    /// Calls `body` if no thread has the turn or waits for it; returns nil otherwise.
    package func withLockIfFree<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R? {
        unsafe pthread_mutex_lock(mutex)
        let isFree = serving == nextTicket
        if isFree { nextTicket += 1 }
        unsafe pthread_mutex_unlock(mutex)
        if !isFree { return nil }
        defer { endTurn() }
        return try body()
    }

    /// Calls `body` once no thread has the turn or waits for it; returns nil if that doesn't happen until `deadline`.
    package func withLock<R, E: Error>(
        until deadline: ContinuousClock.Instant,
        _ body: () throws(E) -> R
    ) throws(E) -> R? {
        while true {
            if let result = try withLockIfFree(body) { return result }
            if ContinuousClock.now >= deadline { return nil }
            usleep(500)
        }
    }

    private func endTurn() {
        unsafe pthread_mutex_lock(mutex)
        serving += 1
        unsafe pthread_cond_broadcast(condition(serving))
        unsafe pthread_mutex_unlock(mutex)
    }
}
