package import Foundation

/// A program that runs beside its test, with pipes for its standard input and output.
package final class RunningProgram {
    private let process: Process
    private let input = Pipe()
    private let output = Pipe()
    /// The output that was read so far.
    private var bytes = Data()
    /// Standard error goes to a file in this directory, which has room for everything.
    private let directory: TemporaryDirectory

    init(_ process: Process) throws {
        self.process = process
        directory = try TemporaryDirectory()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: directory.write("err", "")))
        try process.run()
    }

    package var isRunning: Bool { process.isRunning }

    package var processID: Int32 { process.processIdentifier }

    /// Standard error, as far as it was written.
    package var errorSoFar: String {
        get throws { String(decoding: try directory.read("err"), as: UTF8.self) }
    }

    package func signal(_ number: Int32) { kill(process.processIdentifier, number) }

    package func write(_ text: String) throws { try input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    /// Waits for `count` bytes of the output. Returns fewer if the program closes its output before.
    @discardableResult
    package func read(_ count: Int) throws -> Data {
        let more = try output.fileHandleForReading.read(upToCount: count) ?? Data()
        bytes += more
        return more
    }

    /// Waits until the program has written a line, and returns it without its end; nil if there comes none.
    package func readLine() throws -> String? {
        var line = Data()
        while let byte = try read(1).first {
            if byte == UInt8(ascii: "\n") { return String(decoding: line, as: UTF8.self) }
            line.append(byte)
        }
        return nil
    }

    /// Closes the output's reading end.
    package func closeOutput() throws { try output.fileHandleForReading.close() }

    /// Closes the program's input, and waits for the program's end.
    ///
    /// - Returns: All that it wrote, from the beginning.
    package func finish() throws -> ProgramRun {
        try? input.fileHandleForWriting.close()
        bytes += (try? output.fileHandleForReading.readToEnd()) ?? Data()
        process.waitUntilExit()
        return ProgramRun(process, output: bytes, error: try directory.read("err"))
    }
}
