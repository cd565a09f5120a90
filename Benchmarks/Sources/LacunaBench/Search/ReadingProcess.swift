import Foundation
import Lacuna

/// Another process, which opens a store for reading only and searches it: a worker of this program.
final class ReadingProcess {
    private let process = Process()
    private let requests = Pipe()
    private let replies = Pipe()
    private let queries: String
    private let dimension: Int
    private var unread = Data()

    /// - Parameter queries: A raw file of vectors.
    init(_ store: String, _ kind: VectorIDKind, queries: String, dimension: Int) throws {
        self.queries = queries
        self.dimension = dimension
        guard let executable = Bundle.main.executableURL else {
            throw BadReply(description: "the program can't find its own file; run it by its full path")
        }
        process.executableURL = executable
        process.arguments = [WorkerCommand.configuration.commandName ?? "worker"]
        process.standardInput = requests
        process.standardOutput = replies
        try process.run()
        _ = try ask(Request(cmd: "open_reader", dir: store, kind: kind.rawValue))
    }

    deinit {
        // The worker ends when its input ends.
        try? requests.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    func search(_ query: Int, limit: Int) throws -> SearchAnswer {
        let reply = try ask(
            Request(cmd: "search_reader", dim: dimension, queries: queries, lo: query, k: limit)
        )
        guard let seconds = reply.seconds, let rows = reply.rows, let distances = reply.distances else {
            throw BadReply(description: "the worker's answer to a search lacks rows, distances or seconds")
        }
        return SearchAnswer(seconds: seconds, rows: rows, distances: distances)
    }

    private func ask(_ request: Request) throws -> Reply {
        try requests.fileHandleForWriting.write(contentsOf: JSONEncoder().encode(request) + Data("\n".utf8))
        while true {
            if let end = unread.firstIndex(of: UInt8(ascii: "\n")) {
                let line = Data(unread[..<end])
                unread = Data(unread[(end + 1)...])
                let reply = try JSONDecoder().decode(Reply.self, from: line)
                if reply.ok { return reply }
                throw BadReply(description: "the worker answers \(request.cmd): \(reply.error ?? "unsupported")")
            }
            let read = replies.fileHandleForReading.availableData
            if read.isEmpty { throw BadReply(description: "the worker ended at \(request.cmd)") }
            unread += read
        }
    }
}

private struct BadReply: Error, CustomStringConvertible {
    let description: String
}
