import CLacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A lock file that is locked with flock(2). The lock belongs to the open descriptor, so two handles of one process
/// exclude each other as two processes do. It is released when the process ends, however that happens.
package final class FileLock: Sendable {
    package let descriptor: Int32
    private let path: String

    /// Opens the lock file, which need not be writable to be locked. If there is none and `create` is set, makes it
    /// with the mode and the owner of `model`.
    package init(
        _ name: String,
        in directory: Directory,
        create: Bool,
        like model: @autoclosure () throws(SystemError) -> FileStatus? = nil
    ) throws(SystemError) {
        path = directory.path(name)
        let own = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC
        if try directory.regularStatus(name) == nil && create {
            let model = try model()
            let made = SystemFileSystem.openDescriptor(
                name,
                in: directory.descriptor,
                O_RDWR | O_CREAT | O_EXCL | own,
                model == nil ? 0o644 : 0o600
            )
            if made >= 0 {
                descriptor = made
                if let model { SystemFileSystem.giveOwner(of: model, to: made) }
                return
            }
            // If somebody else has just made it, the file is opened below.
            if errno != EEXIST { throw SystemError(errno: errno, call: "create", path: path) }
        }
        descriptor = try SystemFileSystem.check("open", path) {
            SystemFileSystem.openDescriptor(name, in: directory.descriptor, (create ? O_RDWR : O_RDONLY) | own)
        }
    }

    /// Unlocks before it closes: a child that another thread has just forked also holds the descriptor, until it runs
    /// its program.
    deinit {
        unlock()
        _ = close(descriptor)
    }

    /// Whether the file still has a name. If it has none, others lock another file.
    package var isNamed: Bool { (try? FileStatus.of(descriptor).links) ?? 0 > 0 }

    /// Locks without waiting. Returns false if somebody else holds a lock that excludes this one.
    package func tryLock(exclusive: Bool) throws(SystemError) -> Bool {
        let code = lacuna_lock(descriptor, exclusive)
        if code == 0 { return true }
        if code == EWOULDBLOCK { return false }
        throw SystemError(errno: code, call: "lock", path: path)
    }

    package func unlock() {
        _ = lacuna_unlock(descriptor)
    }

    /// Polls until the lock is ours or `seconds` have passed: flock(2) has no time limit of its own.
    package func lock(exclusive: Bool, within seconds: Double) throws(SystemError) -> Bool {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while try !tryLock(exclusive: exclusive) {
            if ContinuousClock.now >= deadline { return false }
            usleep(500)
        }
        return true
    }
}
