#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A progress bar on standard error, if that is a terminal. It appears after one second, with the rate and the time left.
final class ProgressBar {
    private let title: String
    private let start = ContinuousClock.now
    /// The time and the work done at the first update: a command that goes on doesn't begin at 0.
    private var first: (time: ContinuousClock.Instant, done: Int)?
    private var lastDrawn: ContinuousClock.Instant?

    init(_ title: String) {
        self.title = title
        Activity.clear(forGood: false)
        Activity.add(bars: 1)
    }

    deinit {
        clear()
        Activity.add(bars: -1)
    }

    func update(_ done: Int, of total: Int) {
        guard StandardError.isTerminal else { return }
        let now = ContinuousClock.now
        if first.map({ $0.done > done }) ?? true { first = (now, done) }
        guard now - start > .seconds(1), lastDrawn.map({ now - $0 > .milliseconds(100) }) ?? true else { return }
        lastDrawn = now
        let rate = first.map { Double(done - $0.done) / max(0.001, (now - $0.time).inSeconds) } ?? 0
        let width = Terminal.width(STDERR_FILENO) ?? 80
        StandardError.passingLine(Self.line(title, done, of: total, rate: rate, width: width))
    }

    /// Removes the bar from the line.
    func clear() {
        if lastDrawn != nil { StandardError.clearLine() }
        lastDrawn = nil
    }

    /// The longest bar that is easy to read.
    private static let mostColumns = 40

    /// The bar with its numbers. A narrow terminal gets fewer of them: a line that wraps can't be removed.
    static func line(_ title: String, _ done: Int, of total: Int, rate: Double, width: Int) -> String {
        let share = total == 0 ? 1 : min(1, Double(done) / Double(total))
        var parts = ["\(Int(share * 100)) %".leftPadded(5), "\(grouped(done)) of \(grouped(total))"]
        if rate > 0 {
            parts.append("\(grouped(Int(rate)))/s")
            if done < total { parts.append("\(timeText(Double(total - done) / rate)) left") }
        }
        func room() -> Int { width - 1 - title.columns - 1 - parts.reduce(0) { $0 + $1.columns + 2 } }
        while room() < 8, parts.count > 1 { parts.removeLast() }
        let columns = max(0, min(mostColumns, room()))
        let filled = Int(share * Double(columns))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: columns - filled)
        return ("\(title) \(bar)" + parts.map { "  \($0)" }.joined()).cut(width - 1)
    }

    /// A time that is left: `42 s`, `3:05 min`, `1:10 h`.
    static func timeText(_ seconds: Double) -> String {
        guard seconds < 360_000 else { return "over 99 h" }
        let seconds = Int(seconds.rounded(.up))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if seconds < 60 { return "\(seconds) s" }
        if seconds < 3_600 { return "\(seconds / 60):\(two(seconds % 60)) min" }
        return "\(seconds / 3_600):\(two(seconds % 3_600 / 60)) h"
    }
}
