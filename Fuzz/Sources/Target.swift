import Foundation
import Lacuna
import LacunaFormats

/// A fuzz target: a use of the project's code that must work with every input.
protocol Target: SendableMetatype {
    init() throws
    /// Inputs to begin with.
    static func seeds() throws -> [[UInt8]]
    /// Throws if a property doesn't hold, or if an error isn't one of ours.
    func run(_ input: [UInt8]) throws
}

struct Finding: Error, CustomStringConvertible {
    let description: String
}

func expect(_ holds: Bool, _ what: @autoclosure () -> String) throws(Finding) {
    if !holds { throw Finding(description: what()) }
}

/// Returns the result of `body`; nil if it refuses the input, which it may.
@discardableResult
func worksOrRefuses<R>(_ body: () throws -> R) throws -> R? {
    do { return try body() } catch is VectorStoreError { return nil } catch is FormatError { return nil }
}

/// A directory of this process.
enum Scratch {
    static let path: String = {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("lacuna-fuzz-\(getpid())").path
        try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }()

    static func file(_ name: String) -> String { path + "/" + name }

    static func write(_ bytes: [UInt8], to path: String) throws {
        try Data(bytes).write(to: URL(fileURLWithPath: path))
    }

    static func read(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) }
}
