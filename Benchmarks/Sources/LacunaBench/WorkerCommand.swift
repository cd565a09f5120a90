import ArgumentParser
import Foundation

/// Serves a driver that runs stores side by side: it reads one JSON object on each line of standard input, and answers
/// each with one on standard output.
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "worker",
        abstract: "Works for a driver that compares stores, by requests on standard input."
    )

    @Flag(help: "Search with codes.")
    var codes = false

    func run() throws {
        let worker = StoreWorker(codes: codes)
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

/// A request; each command has some of these fields. Paths lead to raw little-endian files, `.f32` or `.i64`.
struct Request: Codable {
    let cmd: String
    var dir: String?
    /// The kind of the ids, for a store that is opened for reading only.
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
    /// The number of seconds after which a loop stops.
    var budget_s: Double?
    /// The number of seconds for which searches go on at least.
    var min_s: Double?

    func need<V>(_ path: KeyPath<Request, V?>) throws -> V {
        guard let value = self[keyPath: path] else { throw BadRequest(description: "\(cmd) lacks \(path)") }
        return value
    }
}

/// A reply. Fields without a value are left out.
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
    /// The numbers of the rows that a search found; null for an id of no row.
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
