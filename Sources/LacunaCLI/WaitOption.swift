import ArgumentParser
import Lacuna
import LacunaFormats

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// `--wait`, for every command that writes: it tries again while a store is locked or busy.
struct WaitOption: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: ArgumentHelp(
            "Wait up to this many seconds for a store that is locked or busy, each time that it is; 0 by default.",
            valueName: "seconds"
        )
    )
    var wait: Double?

    /// A longer time is refused.
    private static let longestWait = 1e9
    /// The time between two tries.
    private static let pause = Duration.milliseconds(100)

    func check() throws(CommandError) {
        guard let wait, !(wait >= 0 && wait <= Self.longestWait) else { return }
        throw .usage("--wait \(wait) is out of range", remedy: "give 0 seconds or more, and at most 1e9")
    }

    /// Calls `body` until it neither finds a lock nor a busy store, or the time is over. What it does before such an
    /// error must bear repetition.
    func retry<R>(_ body: () throws -> R) throws -> R {
        let end = ContinuousClock.now + .seconds(wait ?? 0)
        var isWaiting = false
        defer { if isWaiting { StandardError.clearLine() } }
        while true {
            do { return try body() } catch let error as VectorStoreError where [.locked, .busy].contains(error.code) {
                let rest = end - ContinuousClock.now
                guard rest > .zero else { throw error }
                if !isWaiting { StandardError.say("waiting: \(error.problem)") }
                isWaiting = true
                // Unlike usleep(3), poll(2) ends at a signal on every system.
                _ = poll(nil, 0, Int32(1 + min(rest, Self.pause).inSeconds * 1_000))
                try Interrupts.check()
            }
        }
    }
}

/// A command on a store that takes `--wait`.
protocol WaitingCommand: StoreCommand {
    var waiting: WaitOption { get }
}
