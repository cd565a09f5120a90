import LacunaFormats

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

enum StandardInput {
    /// A vector of 65,536 components takes less than 1 MiB.
    private static let maximumBytes = 16 << 20

    /// Reads the whole of standard input, which must be a JSON array of numbers.
    static func vector() throws -> [Float] {
        if isatty(STDIN_FILENO) == 1 { StandardError.line("type the vector as a JSON array, then ^D") }
        let text = try text()
        do { return try floats(fromJSONArray: text) } catch { throw error.at("standard input") }
    }

    private static func text() throws(CommandError) -> String {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // Unlike read(2), poll(2) is never restarted after a signal. The time limit is for a signal that comes
            // right before the call.
            var descriptor = pollfd(fd: STDIN_FILENO, events: Int16(POLLIN), revents: 0)
            let ready = unsafe poll(&descriptor, 1, 100)
            try Interrupts.check()
            if ready <= 0 { continue }
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(STDIN_FILENO, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR || errno == EAGAIN { continue }
                throw CommandError(
                    .inputOutput,
                    "cannot read standard input",
                    remedy: "give the vector as a JSON array"
                )
            }
            if count == 0 { break }
            bytes.append(contentsOf: chunk[..<count])
            if bytes.count > maximumBytes {
                throw .badData(
                    "standard input: over 16 MiB, more than any vector",
                    remedy: "give one JSON array of numbers"
                )
            }
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw .badData("standard input: not valid UTF-8", remedy: "give one JSON array of numbers")
        }
        return text
    }
}
