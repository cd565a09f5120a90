import Foundation

/// A child process that works on the tortured store until it is killed.
struct TortureProcess {
    /// The number of the last call that the child began, and of the last that returned; 0 if there is none.
    private(set) var called = 0
    private(set) var acknowledged = 0
    /// The number of calls that returned.
    private(set) var acknowledgements = 0
    private(set) var lines: [TortureLine] = []
    /// The child's first other line, which says why it failed.
    private var message = ""
    private var rest: [UInt8] = []
    private let process = Process()
    private let pipe = Pipe()

    /// Runs the child until it ends, or kills it: `delay` returns, for a line, the time after which to kill it, or nil.
    ///
    /// - Returns: The child's lines, and whether it was killed.
    static func run(
        _ executable: URL,
        _ arguments: [String],
        killing delay: (TortureLine) -> Duration?
    ) throws -> (told: TortureProcess, isKilled: Bool) {
        var child = TortureProcess()
        child.process.executableURL = executable
        child.process.arguments = arguments
        child.process.standardInput = FileHandle.nullDevice
        child.process.standardOutput = child.pipe
        child.process.standardError = child.pipe
        do { try child.process.run() } catch {
            throw CommandError(.inputOutput, "cannot run \(executable.path)", remedy: "check that it may be executed")
        }
        try child.listen(killing: delay)
        return (child, try child.wait())
    }

    private mutating func listen(killing delay: (TortureLine) -> Duration?) throws {
        var isDoomed = false
        while let chunk = try readChunk() {
            for line in take(chunk) where !isDoomed {
                guard let delay = delay(line) else { continue }
                isDoomed = true
                usleep(UInt32(delay / .microseconds(1)))
                if process.isRunning { kill(process.processIdentifier, SIGKILL) }
            }
        }
    }

    /// Reads what the child has written; nil at the end of its output.
    private func readChunk() throws -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 1 << 12)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe read(pipe.fileHandleForReading.fileDescriptor, $0.baseAddress, $0.count)
            }
            if count > 0 { return Array(chunk[..<count]) }
            if count == 0 { return nil }
            if errno != EINTR { throw CommandError(.inputOutput, "cannot read from the child", remedy: "try again") }
        }
    }

    /// Returns the lines that are complete, and keeps the rest.
    private mutating func take(_ chunk: [UInt8]) -> [TortureLine] {
        rest += chunk
        guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { return [] }
        let text = String(decoding: rest[..<end], as: UTF8.self)
        rest.removeSubrange(...end)
        let lines = text.split(separator: "\n").compactMap { note($0) }
        self.lines += lines
        return lines
    }

    private mutating func note(_ text: Substring) -> TortureLine? {
        guard let line = TortureLine(text) else {
            if message.isEmpty { message = String(text) }
            return nil
        }
        switch line {
        case .call(let number): called = number
        case .acknowledge(let number):
            acknowledged = number
            acknowledgements += 1
        case .open, .compacted, .recovered: break
        }
        return line
    }

    /// Waits for the child's end; returns whether it was killed.
    private func wait() throws -> Bool {
        process.waitUntilExit()
        let status = process.terminationStatus
        if process.terminationReason == .uncaughtSignal {
            if status == SIGKILL { return true }
            throw TortureFailure("the child was ended by signal \(status) in operation \(called)")
        }
        if status == 0 { return false }
        let words = "the child failed in operation \(called) with status \(status): \(message)"
        let remedy = "put that right, and try again"
        switch ExitStatus(rawValue: status) {
        // A full disk or a missing directory breaks no promise of the store.
        case .inputOutput?: throw CommandError(.inputOutput, words, remedy: remedy)
        case .noPermission?: throw CommandError(.noPermission, words, remedy: remedy)
        case .noInput?: throw CommandError(.noInput, words, remedy: remedy)
        default: throw TortureFailure(words)
        }
    }
}
