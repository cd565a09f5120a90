import ArgumentParser
import Foundation

/// Answers a driver that runs stores side by side: one JSON object a line on standard input, one on standard output.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Works for a driver that compares stores, by requests on standard input."
    )

    func run() throws {
        let worker = StoreWorker()
        let encoder = JSONEncoder()
        while let line = readLine() {
            guard line.hasPrefix("{") else { continue }
            let request = try JSONDecoder().decode(Request.self, from: Data(line.utf8))
            if request.cmd == "exit" { return }
            var reply: Reply
            do { reply = try worker.answer(request) } catch { reply = Reply(ok: false, error: "\(error)") }
            if reply.unsupported != nil { reply.ok = false }
            try FileHandle.standardOutput.write(contentsOf: encoder.encode(reply) + Data("\n".utf8))
        }
    }
}

/// What is asked for: each command has some of these. Paths are of raw little-endian files, `.f32` or `.i64`.
struct Request: Codable {
    let cmd: String
    var dir: String?
    /// Of the ids of a store that is opened for reading only.
    var kind: String?
    var dim: Int?
    var create: Bool?
    var data: String?
    var ids: String?
    var queries: String?
    var out: String?
    var lo: Int?
    var hi: Int?
    var batch: Int?
    var nq: Int?
    var k: Int?
    var threads: Int?
    var mode: String?
    var variant: String?
    /// After so many seconds a loop stops where it is.
    var budget_s: Double?
    /// For so many seconds at least a search goes on.
    var min_s: Double?

    func need<V>(_ path: KeyPath<Request, V?>) throws -> V {
        guard let value = self[keyPath: path] else { throw BadRequest(description: "\(cmd) lacks \(path)") }
        return value
    }
}

/// What is answered: what it doesn't have isn't there.
struct Reply: Codable {
    var ok = true
    var error: String?
    var unsupported: String?
    var count: Int?
    var seconds: Double?
    var missing: Int?
    var p50_us: Double?
    var p99_us: Double?
    var callers: Int?
    /// What a search found: row numbers, null for an id that isn't one's.
    var rows: [Int?]?
    var distances: [Double]?
    var note: String?
    var peer: String?
    var version: String?
    var durability: String?
    var metric: String?
    var exact: Bool?
    var parallel: String?
    var skip: [String: String]?
    var compactors: [String]?
}

struct BadRequest: Error, CustomStringConvertible {
    let description: String
}
