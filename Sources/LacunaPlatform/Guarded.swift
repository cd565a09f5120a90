#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A value that only one thread at a time can access.
///
/// It uses a pthread mutex rather than `Synchronization.Mutex`, which is built on futexes on Linux. ThreadSanitizer
/// can't see those, so it would report every use as a race, and the real races would be hidden.
///
/// `@unchecked Sendable`: `value` is accessed only between lock and unlock. It is Sendable itself, so a thread may use
/// values that it took out of ``withLock(_:)``.
@safe
@usableFromInline
package final class Guarded<Value: Sendable>: @unchecked Sendable {
    /// It is on the heap, because a pthread mutex must not move.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    @usableFromInline var value: Value

    package init(_ value: Value) {
        self.value = value
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
    }

    deinit {
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    @usableFromInline func lock() { unsafe pthread_mutex_lock(mutex) }

    @usableFromInline func unlock() { unsafe pthread_mutex_unlock(mutex) }

    /// Inlinable, so that it is specialized for its value and body.
    @inlinable package func withLock<R, E: Error>(_ body: (inout Value) throws(E) -> R) throws(E) -> R {
        lock()
        defer { unlock() }
        return try body(&value)
    }
}
