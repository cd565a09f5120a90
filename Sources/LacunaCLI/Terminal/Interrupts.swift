import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// SIGINT and SIGTERM stop a command between two batches; a second one ends it at once.
enum Interrupts {
    /// The signal that came; 0 while none has. Written by the handler, which may do nothing else.
    private static let received = Atomic<Int32>(0)

    static func install() {
        // Made before a handler can want it: what is lazy may not be made in one.
        received.store(0, ordering: .relaxed)
        // A reader of ours that has gone is an error of the write, not the end of a batch.
        _ = signal(SIGPIPE, SIG_IGN)
        // So is a file that has become as long as it may be (`ulimit -f`).
        _ = signal(SIGXFSZ, SIG_IGN)
        // Whoever started us may have had them blocked, as the threads of some runtimes do.
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

    /// Throws once a signal has come; `remedy` is how to go on later.
    static func check(remedy: String = Self.remedy) throws(CommandError) {
        if haveCome { throw error(remedy: remedy) }
    }

    /// What a command that was interrupted ends with.
    static func error(_ detail: String? = nil, remedy: String = Self.remedy) -> CommandError {
        let status = received.load(ordering: .relaxed) == SIGTERM ? ExitStatus.terminated : .interrupted
        return CommandError(status, detail.map { "interrupted: \($0)" } ?? "interrupted", remedy: remedy)
    }

    static let remedy = "run the command again to go on"
}
