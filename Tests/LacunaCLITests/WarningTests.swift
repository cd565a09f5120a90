import Logging
import Testing

@testable import LacunaCLI

/// Standard error shows the warnings that the library logs.
@Suite struct WarningTests {
    private func event(_ level: Logger.Level, _ message: Logger.Message) -> LogEvent {
        LogEvent(level: level, message: message, metadata: nil, source: "", file: "", function: "", line: 0)
    }

    @Test func aWarningIsOneLine() {
        #expect(
            StandardErrorLog.line(event(.warning, "the log is long;\nend the read"), isTerminal: false)
                == "warning: the log is long;\\u{a}end the read"
        )
        #expect(StandardErrorLog.line(event(.error, "no"), isTerminal: false) == "error: no")
    }

    @Test func aTerminalsProgressBarIsWipedOff() {
        #expect(StandardErrorLog.line(event(.warning, "w"), isTerminal: true) == "\r\u{1B}[Kwarning: w")
    }

    @Test func lessThanAWarningIsNotShown() {
        #expect(StandardErrorLog.logger.logLevel == .warning)
    }
}
