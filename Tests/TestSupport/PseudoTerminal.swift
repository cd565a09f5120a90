import Foundation

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

extension Program {
    /// Runs the program with its output and its errors on a terminal of this width, and returns what appears there.
    package func runOnTerminal(
        _ arguments: [String],
        columns: Int,
        environment: [String: String] = [:]
    ) throws -> (status: Int32, text: String) {
        let master = unsafe open("/dev/ptmx", O_RDWR | O_NOCTTY)
        guard master >= 0, let name = Self.otherEnd(of: master) else {
            throw SupportFailure("no pseudoterminal: \(errno)")
        }
        defer { close(master) }
        let slave = unsafe open(name, O_RDWR | O_NOCTTY)
        var size = winsize(ws_row: 24, ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        guard slave >= 0, unsafe ioctl(slave, UInt(TIOCSWINSZ), &size) == 0 else {
            throw SupportFailure("no terminal of \(columns) columns: \(errno)")
        }
        let process = process(arguments, environment)
        let terminal = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = terminal
        process.standardError = terminal
        try process.run()
        try terminal.close()
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            // Linux reports an error when the program has closed the terminal, other systems the end.
            let count = unsafe read(master, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            bytes += chunk[..<count]
        }
        process.waitUntilExit()
        let text = String(decoding: bytes, as: UTF8.self).replacing("\r\n", with: "\n")
        return (process.terminationStatus, text)
    }

    /// The name of the terminal whose other end this is.
    private static func otherEnd(of master: Int32) -> String? {
        #if canImport(Darwin)
        guard grantpt(master) == 0, unlockpt(master) == 0 else { return nil }
        return unsafe ptsname(master).map { unsafe String(cString: $0) }
        #else
        // glibc declares the functions for this only in headers that Swift doesn't see. These are TIOCSPTLCK, which
        // unlocks it, and TIOCGPTN, which tells its number.
        var number: Int32 = 0
        guard unsafe ioctl(master, 0x4004_5431, &number) == 0, unsafe ioctl(master, 0x8004_5430, &number) == 0 else {
            return nil
        }
        return "/dev/pts/\(number)"
        #endif
    }
}
