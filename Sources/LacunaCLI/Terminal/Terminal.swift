#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

enum Terminal {
    /// The number of columns of the terminal; 80 if standard output is no terminal.
    static var columns: Int {
        var size = winsize()
        guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private static let hasColour = unsafe StandardOutput.isTerminal && getenv("NO_COLOR") == nil

    enum Style: String {
        case bold = "1"
        case dim = "2"
        case green = "32"
        case red = "31"
        case blue = "34"
        case yellow = "33"
    }

    /// The text in a style, if standard output is a terminal and colour is allowed.
    static func styled(_ text: String, _ style: Style) -> String {
        hasColour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }
}

/// A progress bar on standard error, if that is a terminal. It appears after one second.
final class ProgressBar {
    private let title: String
    private let start = ContinuousClock.now
    private var lastDrawn: ContinuousClock.Instant?
    private static let columns = 30

    init(_ title: String) {
        self.title = title
    }

    deinit { clear() }

    func update(_ done: Int, of total: Int) {
        guard StandardError.isTerminal else { return }
        let now = ContinuousClock.now
        guard now - start > .seconds(1), lastDrawn.map({ now - $0 > .milliseconds(100) }) ?? true else { return }
        lastDrawn = now
        let share = total == 0 ? 1 : min(1, Double(done) / Double(total))
        let filled = Int(share * Double(Self.columns))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.columns - filled)
        StandardError.write("\r\(title) \(bar) \(Int(share * 100)) %  \(grouped(done)) of \(grouped(total))\u{1B}[K")
    }

    /// Removes the bar from the line.
    func clear() {
        if lastDrawn != nil { StandardError.write("\r\u{1B}[K") }
        lastDrawn = nil
    }
}
