#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

enum Terminal {
    /// The number of columns of the terminal that standard output is; nil if it is none.
    static var width: Int? { width(STDOUT_FILENO) }

    /// The width of a picture: that of the terminal, or 80 columns.
    static var columns: Int { width ?? 80 }

    /// A terminal may not know its size.
    static func width(_ descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        guard unsafe ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    /// A sentence in lines that fit the terminal that standard output is; elsewhere it is one line.
    static func wrapped(_ text: String) -> String {
        guard let width, text.columns > width else { return text }
        var lines = [""]
        for word in text.split(separator: " ", omittingEmptySubsequences: false) {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.columns + 1 + word.columns <= width {
                lines[lines.count - 1] += " " + word
            } else {
                lines.append("  " + word)
            }
        }
        return lines.joined(separator: "\n")
    }

    private static let hasColour = StandardOutput.isTerminal && !isRefused("NO_COLOR")

    private static func isRefused(_ variable: String) -> Bool {
        guard let value = unsafe getenv(variable) else { return false }
        return unsafe value.pointee != 0
    }

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
