#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The outcome of a group's commit, for the threads whose writes are in the group.
///
/// `@unchecked Sendable`: `result` is touched only under the mutex.
@safe
final class CommitOutcome: @unchecked Sendable {
    /// Both are on the heap, since neither may move.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let isKnown: UnsafeMutablePointer<pthread_cond_t>
    private var result: Result<Void, VectorStoreError>?

    init() {
        unsafe mutex = .allocate(capacity: 1)
        unsafe mutex.initialize(to: pthread_mutex_t())
        unsafe pthread_mutex_init(mutex, nil)
        unsafe isKnown = .allocate(capacity: 1)
        unsafe isKnown.initialize(to: pthread_cond_t())
        unsafe pthread_cond_init(isKnown, nil)
    }

    deinit {
        unsafe pthread_cond_destroy(isKnown)
        unsafe isKnown.deallocate()
        unsafe pthread_mutex_destroy(mutex)
        unsafe mutex.deallocate()
    }

    func settle(_ result: Result<Void, VectorStoreError>) {
        unsafe pthread_mutex_lock(mutex)
        self.result = result
        unsafe pthread_cond_broadcast(isKnown)
        unsafe pthread_mutex_unlock(mutex)
    }

    /// Waits for the commit; throws its error if it failed.
    func get() throws(VectorStoreError) {
        unsafe pthread_mutex_lock(mutex)
        defer { unsafe pthread_mutex_unlock(mutex) }
        while true {
            if let result { return try result.get() }
            unsafe pthread_cond_wait(isKnown, mutex)
        }
    }
}
