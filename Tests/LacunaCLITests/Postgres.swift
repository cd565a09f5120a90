import Foundation
import TestSupport
import Testing

/// A new database on the server that `Tests/Postgres/run` has started.
struct Postgres {
    private static let server = ProcessInfo.processInfo.environment["LACUNA_POSTGRES"]
    static let isThere = server != nil
    private static let psql = Program(ProcessInfo.processInfo.environment["LACUNA_PSQL"] ?? "psql")

    private let connection: String

    init() throws {
        let server = try #require(Self.server)
        let name = "test_\(UUID().uuidString.lowercased().prefix(8))"
        let run = try Self.psql.run(["-Xq", "-d", "\(server) dbname=postgres", "-c", "CREATE DATABASE \(name)"])
        try #require(run.status == 0, "\(run.error)")
        connection = "\(server) dbname=\(name)"
    }

    /// Runs a script as a user does.
    func run(_ script: String) throws -> ProgramRun {
        try Self.psql.run(["-Xq", "-d", connection], input: script)
    }

    /// The script that `lacuna export` prints, run without an error.
    func export(_ store: String, _ options: String..., at location: SourceLocation = #_sourceLocation) throws {
        let script = try succeed(["export", store, "--to", "postgres"] + options, at: location).text
        let run = try run(script)
        #expect(run.status == 0 && run.error.isEmpty, "\(run.error)", sourceLocation: location)
    }

    /// The rows that a query finds, one text for each.
    @discardableResult
    func query(_ sql: String, at location: SourceLocation = #_sourceLocation) throws -> [String] {
        let run = try Self.psql.run(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", connection, "-c", sql])
        #expect(run.status == 0, "\(run.error)", sourceLocation: location)
        return run.lines
    }
}

/// A row in comparable form, from a store or from a table.
struct ComparableRow: Equatable, CustomStringConvertible {
    let id: String
    let bits: [UInt32]
    let metadata: NSDictionary?

    var description: String { "\(id) \(bits.map { Float(bitPattern: $0) }) \(metadata.map { "\($0)" } ?? "-")" }

    /// All rows of a store, in the order of their ids.
    static func rows(ofStore store: String) throws -> [ComparableRow] {
        try succeed("export", store, "--to", "jsonl").lines.map { line in
            let row = try jsonObject(line)
            return ComparableRow(
                id: "\(try #require(row["id"]))",
                bits: try #require(row["vector"] as? [NSNumber]).map { $0.floatValue.bitPattern },
                metadata: row["metadata"] as? NSDictionary
            )
        }
    }

    /// All rows of a table. Texts come as hexadecimal digits, so that psql can't change them.
    static func rows(of table: String = "vectors", in postgres: Postgres, half: Bool = false) throws -> [ComparableRow]
    {
        let hex = { (text: String) in "encode(convert_to(\(text)::text, 'UTF8'), 'hex')" }
        let vector = half ? "vector::vector" : "vector"
        return try postgres.query(
            "SELECT \(hex("id")), encode(vector_send(\(vector)), 'hex'), \(hex("metadata")) FROM \(table) ORDER BY id"
        ).map { line in
            let columns = line.split(separator: "|", omittingEmptySubsequences: false).map(bytes)
            // The vector's bytes begin with its dimension, of 16 bits, and as many that are 0.
            let words = columns[1].dropFirst(4)
            let bits = stride(from: words.startIndex, to: words.endIndex, by: 4).map { start in
                words[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            }
            return ComparableRow(
                id: String(decoding: columns[0], as: UTF8.self),
                bits: bits,
                metadata: columns[2].isEmpty
                    ? nil : try jsonObject(String(decoding: columns[2], as: UTF8.self)) as NSDictionary
            )
        }
    }

    private static func bytes(_ hex: Substring) -> [UInt8] {
        let digits = Array(hex.utf8).map { $0 > 0x60 ? $0 - 0x57 : $0 - 0x30 }
        return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
