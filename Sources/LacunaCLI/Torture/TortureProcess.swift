import Foundation

/// A child that works on the tortured store, as long as it is let.
struct TortureProcess {
    /// The calls that it began and that returned, by their numbers; 0 for none.
    private(set) var called = 0
    private(set) var acknowledged = 0
    /// How many calls returned.
    private(set) var acknowledgements = 0
    private(set) var lines: [TortureLine] = []
    /// What it said besides: why it failed.
    private var message = ""
    private var rest: [UInt8] = []
    private let process = Process()
    private let pipe = Pipe()

    /// Runs the child until it ends, or is killed: so long after the first line for which `delay` is not nil.
    ///
    /// - Returns: What it told, and whether it was killed.
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
            throw CommandError(.inputOutput, "cannot run \(executable.path); check that it may be executed")
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

    /// Nil once nobody writes any more.
    private func readChunk() throws -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 1 << 12)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes {
                unsafe read(pipe.fileHandleForReading.fileDescriptor, $0.baseAddress, $0.count)
            }
            if count > 0 { return Array(chunk[..<count]) }
            if count == 0 { return nil }
            if errno != EINTR { throw CommandError(.inputOutput, "cannot read from the child; try again") }
        }
    }

    /// The whole lines that have come.
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
            if message.isEmpty { message = String(text.trimmingPrefix("error: ")) }
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

    /// Whether it was killed, and not done.
    private func wait() throws -> Bool {
        process.waitUntilExit()
        let status = process.terminationStatus
        if process.terminationReason == .uncaughtSignal {
            if status == SIGKILL { return true }
            throw TortureFailure("the child was ended by signal \(status) in operation \(called)")
        }
        if status == 0 { return false }
        let words = "the child failed in operation \(called) with status \(status): \(message)"
        switch ExitStatus(rawValue: status) {
        // A full disk, or a directory that has gone, says nothing about what the store promises.
        case .inputOutput?: throw CommandError(.inputOutput, words)
        case .noPermission?: throw CommandError(.noPermission, words)
        case .noInput?: throw CommandError(.noInput, words)
        default: throw TortureFailure(words)
        }
    }
}
