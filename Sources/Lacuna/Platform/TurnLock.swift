#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A lock that is handed on in the order in which it was asked for.
///
/// A plain mutex goes to whoever comes first once it is free, which on Linux is mostly the thread that has just given it
/// back: a compaction that takes it batch by batch would keep writers out, or they it.
///
/// `@unchecked Sendable`: the two counters are touched only under the mutex.
@safe
final class TurnLock: @unchecked Sendable {
    /// On the heap, since neither may move.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let turnEnded: UnsafeMutablePointer<pthread_cond_t>
    private var nextTicket: UInt64 = 0
    private var serving: UInt64 = 0

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe turnEnded = .allocate(capacity: 1)
        unsafe turnEnded.initialize(to: pthread_cond_t())
        unsafe pthread_cond_init(turnEnded, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(turnEnded)
        unsafe turnEnded.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    func withLock<R, E: Error>(_ body: () throws(E) -> R) throws(E) -> R {
        unsafe pthread_mutex_lock(mutex)
        let ticket = nextTicket
        nextTicket += 1
        while serving != ticket { unsafe pthread_cond_wait(turnEnded, mutex) }
        unsafe pthread_mutex_unlock(mutex)
        defer {
            unsafe pthread_mutex_lock(mutex)
            serving += 1
            unsafe pthread_cond_broadcast(turnEnded)
            unsafe pthread_mutex_unlock(mutex)
        }
        return try body()
    }
}
