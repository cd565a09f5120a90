import Foundation
import TestSupport
import Testing

/// Runs `lacuna` with these words, and waits for it.
func lacuna(_ arguments: [String], input: String = "") throws -> ProgramRun {
    let run = try Program.lacuna.run(arguments, input: input)
    #expect(!run.wasKilled, "\(arguments)")
    return run
}

/// Runs `lacuna` and expects success.
@discardableResult
func succeed(_ arguments: [String], input: String = "", at location: SourceLocation = #_sourceLocation) throws
    -> ProgramRun
{
    let run = try lacuna(arguments, input: input)
    #expect(run.status == 0, "\(arguments): \(run.error)", sourceLocation: location)
    return run
}

@discardableResult
func succeed(_ arguments: String..., input: String = "", at location: SourceLocation = #_sourceLocation) throws
    -> ProgramRun
{
    try succeed(arguments, input: input, at: location)
}

/// Runs `lacuna` and expects it to fail with this status, and with one line first that tells the error.
@discardableResult
func fail(
    _ status: Int32,
    _ arguments: String...,
    saying words: String = "",
    input: String = "",
    at location: SourceLocation = #_sourceLocation
) throws -> ProgramRun {
    let run = try lacuna(arguments, input: input)
    run.expectFailure(status, saying: words, at: location)
    return run
}

extension ProgramRun {
    func expectFailure(_ status: Int32, saying words: String = "", at location: SourceLocation = #_sourceLocation) {
        #expect(self.status == status, "\(error)", sourceLocation: location)
        let line = error.split(separator: "\n").first.map(String.init) ?? ""
        #expect(line.hasPrefix("error: "), "\(error)", sourceLocation: location)
        #expect(line.contains("; "), "no remedy: \(line)", sourceLocation: location)
        #expect(words.isEmpty || line.contains(words), "\(line)", sourceLocation: location)
    }

    /// The one line that `--json` prints, as an object.
    func json(_ location: SourceLocation = #_sourceLocation) throws -> [String: Any] {
        #expect(lines.count == 1, "\(text) \(error)", sourceLocation: location)
        return try jsonObject(try #require(lines.last, sourceLocation: location))
    }

    /// The rows that `--acks` acknowledged.
    func acknowledged(_ location: SourceLocation = #_sourceLocation) throws -> Int {
        let line = try #require(lines.last { $0.hasPrefix("ACK ") }, sourceLocation: location)
        return try #require(Int(line.dropFirst(4)), sourceLocation: location)
    }
}

func jsonObject(_ line: String) throws -> [String: Any] {
    try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
}

extension TemporaryDirectory {
    /// Changes one byte of a file.
    func flip(_ name: String, at offset: UInt64) throws {
        let handle = try #require(FileHandle(forUpdatingAtPath: self / name))
        try handle.seek(toOffset: offset)
        let byte = try #require(try handle.read(upToCount: 1)?.first)
        try handle.seek(toOffset: offset)
        try handle.write(contentsOf: Data([byte ^ 0x55]))
        try handle.close()
    }
}
