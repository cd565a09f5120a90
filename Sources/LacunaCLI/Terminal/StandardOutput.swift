import LacunaFormats

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Standard output, buffered. Only the answer goes there.
final class StandardOutput {
    private var buffer: [UInt8] = []
    private static let bufferBytes = 1 << 16

    /// Whether standard output is a terminal.
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    func line(_ text: String) throws(CommandError) {
        try append(text)
        try append("\n")
    }

    /// Prints a text that is part of a line, or several lines.
    func append(_ text: String) throws(CommandError) {
        buffer.append(contentsOf: text.utf8)
        if buffer.count >= Self.bufferBytes { try flush() }
    }

    /// Prints a sentence, which may take several lines of a terminal.
    func prose(_ text: String) throws(CommandError) { try line(Terminal.wrapped(text)) }

    /// Prints names and values in two columns.
    func lines(_ pairs: KeyValuePairs<String, String>) throws(CommandError) {
        let width = pairs.map(\.key.count).max() ?? 0
        for (name, value) in pairs { try line("\(Terminal.styled(name.padded(width), .dim))  \(value)") }
    }

    func flush() throws(CommandError) {
        defer { buffer.removeAll(keepingCapacity: true) }
        try Self.write(buffer)
    }

    /// Writes the line at once, so that it isn't lost if the process ends.
    func lineNow(_ text: String) throws(CommandError) {
        try line(text)
        try flush()
    }

    private static func write(_ bytes: [UInt8]) throws(CommandError) {
        if bytes.isEmpty { return }
        Activity.clear(forGood: true)
        var done = 0
        while done < bytes.count {
            let count = unsafe bytes.span.extracting(done...).withUnsafeBytes {
                unsafe writeOnce(STDOUT_FILENO, $0)
            }
            if count >= 0 {
                done += count
                continue
            }
            let code = errno
            if code == EINTR { continue }
            if code == EAGAIN {
                // The program that reads has set the pipe so that no write waits.
                var waiting = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
                _ = unsafe poll(&waiting, 1, -1)
                continue
            }
            // The reader has ended and knows it, so there is nothing to print.
            if code == EPIPE { throw CommandError.silent(.inputOutput) }
            let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
            throw CommandError(.inputOutput, "cannot write standard output: \(text)", remedy: "send it elsewhere")
        }
    }
}

/// Standard error: prose, progress, and the line that says what went wrong.
enum StandardError {
    static let isTerminal = isatty(STDERR_FILENO) == 1

    static func line(_ text: String) {
        Activity.clear(forGood: false)
        write(text + "\n")
    }

    /// A line that tells what goes on, on a terminal only; the next one takes its place.
    static func passingLine(_ text: String) {
        guard let width = Terminal.width(STDERR_FILENO) else { return }
        // A line that wraps couldn't be removed.
        write("\r\(singleLine(text).cut(width - 1))\u{1B}[K")
    }

    /// The same, but elsewhere it is a line like others.
    static func say(_ text: String) {
        if isTerminal { passingLine(text) } else { line(singleLine(text)) }
    }

    static func clearLine() {
        if isTerminal { write("\r\u{1B}[K") }
    }

    static func warnOfOwner() {
        line("warning: the new data file belongs to this user and not to the old one's owner; chown gives it back")
    }

    static func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe writeOnce(STDERR_FILENO, $0) }
    }
}

private func writeOnce(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Darwin)
    unsafe Darwin.write(descriptor, bytes.baseAddress, bytes.count)
    #else
    unsafe Glibc.write(descriptor, bytes.baseAddress, bytes.count)
    #endif
}
