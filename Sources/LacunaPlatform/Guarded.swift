#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A value that one thread at a time gets at.
///
/// A pthread mutex rather than `Synchronization.Mutex`: on Linux that one is built on futexes, which ThreadSanitizer can't
/// see, so that it would report every use as a race and hide the real ones.
///
/// `@unchecked Sendable`: `value` is touched only between lock and unlock, and is Sendable itself, so that what leaves
/// ``withLock(_:)`` may be used by the thread that took it.
@safe
@usableFromInline
package final class Guarded<Value: Sendable>: @unchecked Sendable {
    /// On the heap, since a pthread mutex must not move.
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
