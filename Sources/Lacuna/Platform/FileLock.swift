import CPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A lock file that is held by flock(2): per open descriptor, so that two handles of one process exclude each other
/// just as two processes do, and gone with the process, however it ends.
package struct FileLock: ~Copyable {
    private let descriptor: Int32
    private let path: String

    /// Opens the lock file, which need not be writable to be locked; makes it where `create` is set.
    init(_ path: String, create: Bool) throws(SystemError) {
        let flags = create ? O_RDWR | O_CREAT : O_RDONLY
        let descriptor = unsafe open(path, flags | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw SystemError(errno: errno, call: "open", path: path) }
        self.descriptor = descriptor
        self.path = path
    }

    /// Unlocks first: a child that another thread has just forked holds the descriptor too, until it runs its program.
    deinit {
        unlock()
        _ = close(descriptor)
    }

    /// Never waits: false if somebody else holds the lock in a way that excludes this one.
    func tryLock(exclusive: Bool) throws(SystemError) -> Bool {
        let code = lacuna_lock(descriptor, exclusive)
        if code == 0 { return true }
        if code == EWOULDBLOCK { return false }
        throw SystemError(errno: code, call: "lock", path: path)
    }

    func unlock() {
        _ = lacuna_unlock(descriptor)
    }

    /// Polls until the lock is ours or `seconds` have passed: flock(2) has no time limit of its own.
    func lock(exclusive: Bool, within seconds: Double) throws(SystemError) -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try !tryLock(exclusive: exclusive) {
            if ContinuousClock.now >= deadline { return false }
            usleep(500)
        }
        return true
    }
}
