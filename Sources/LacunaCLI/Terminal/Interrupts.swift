import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// SIGINT and SIGTERM stop a command between two batches; a second one ends it at once.
enum Interrupts {
    /// The signal that has come, or 0. Storing this is all that the handler does, except to end the process at a second
    /// signal.
    private static let received = Atomic<Int32>(0)

    static func install() {
        // This initializes the lazy static before a handler needs it: a handler must not initialize it.
        received.store(0, ordering: .relaxed)
        // If the reader of our output has ended, the write returns an error; the signal would end the process in a
        // batch.
        _ = signal(SIGPIPE, SIG_IGN)
        // The same goes for a file that has reached its greatest length (`ulimit -f`).
        _ = signal(SIGXFSZ, SIG_IGN)
        // The process that started us may have blocked the signals, as threads of some runtimes do.
        var stopping = sigset_t()
        unsafe sigemptyset(&stopping)
        for number in [SIGINT, SIGTERM] {
            unsafe sigaddset(&stopping, number)
            _ = signal(number) { number in
                if Interrupts.received.exchange(number, ordering: .relaxed) != 0 { _exit(128 + number) }
            }
        }
        unsafe sigprocmask(SIG_UNBLOCK, &stopping, nil)
    }

    /// Whether a signal has come.
    static var haveCome: Bool { received.load(ordering: .relaxed) != 0 }

    /// Throws if a signal has come; `remedy` says how to go on later.
    static func check(remedy: String = Self.remedy) throws(CommandError) {
        if haveCome { throw error(remedy: remedy) }
    }

    /// The error with which an interrupted command ends.
    static func error(_ detail: String? = nil, remedy: String = Self.remedy) -> CommandError {
        let status = received.load(ordering: .relaxed) == SIGTERM ? ExitStatus.terminated : .interrupted
        return CommandError(status, detail.map { "interrupted: \($0)" } ?? "interrupted", remedy: remedy)
    }

    static let remedy = "run the command again to go on"
}
