import Foundation

/// A figure with its unit.
package enum Figure: Sendable {
    case text(String)
    case count(Int)
    case seconds(Double)
    case bytes(Int64)
    case ratio(Double)
    case bytesPerSecond(Double)

    /// The ending that the unit adds to a JSON key.
    var suffix: String {
        switch self {
        case .text, .count: ""
        case .seconds: "_seconds"
        case .bytes: "_bytes"
        case .ratio: "_ratio"
        case .bytesPerSecond: "_bytes_per_second"
        }
    }

    var number: Double {
        switch self {
        case .text: .nan
        case .count(let value): Double(value)
        case .bytes(let value): Double(value)
        case .seconds(let value), .ratio(let value), .bytesPerSecond(let value): value
        }
    }

    /// For people.
    package var description: String {
        switch self {
        case .text(let text): text
        case .count(let count): "\(count)"
        case .bytes(let bytes): String(format: "%.1f MiB", Double(bytes) / 1_048_576)
        case .ratio(let ratio): String(format: "%.2f", ratio)
        case .bytesPerSecond(let rate): String(format: "%.1f MB/s", rate * 1e-6)
        case .seconds(let seconds) where seconds < 1e-3: String(format: "%.1f µs", seconds * 1e6)
        case .seconds(let seconds) where seconds < 1: String(format: "%.2f ms", seconds * 1e3)
        case .seconds(let seconds): String(format: "%.2f s", seconds)
        }
    }

    var json: any Encodable & Sendable {
        switch self {
        case .text(let text): text
        case .count(let count): count
        case .bytes(let bytes): bytes
        // JSON has no NaN.
        case .seconds(let value), .ratio(let value), .bytesPerSecond(let value): value.isFinite ? value : nil as Double?
        }
    }
}

/// Prints measurements: tables for people, or one JSON object a line.
package final class Output {
    private let asJSON: Bool
    private var heading: [String] = []
    /// The widths of the columns under the heading, which grow with their contents.
    private var widths: [Int] = []
    private var limits: [Limit] = []

    private struct Limit {
        let name: String
        let bound: String
        let measured: String
        let holds: Bool
        let fields: KeyValuePairs<String, Figure>
    }

    package init(json: Bool) { asJSON = json }

    /// Prints one line of a table, after a heading if the columns differ from those of the line before.
    ///
    /// - Parameter widths: The widths of columns in which later lines will need more room than this one.
    package func measurement(
        _ stage: String,
        _ fields: KeyValuePairs<String, Figure>,
        widths least: [String: Int] = [:]
    ) {
        if asJSON { return json(["stage": .text(stage)], fields) }
        let columns = [stage] + fields.map(\.key)
        let cells = [""] + fields.map(\.value.description)
        let isNew = columns != heading
        if isNew { widths = [12] + fields.map { max(10, $0.key.count, least[$0.key] ?? 0) } }
        widths = zip(widths, cells).map { max($0, $1.count) }
        if isNew {
            heading = columns
            line("")
            line(Self.cells(columns.map { $0.replacing("_", with: " ") }, widths))
        }
        line(Self.cells(cells, widths))
    }

    /// Prints a remark, which has no figure.
    package func remark(_ stage: String, _ text: String) {
        if asJSON { return json(["stage": .text(stage), "remark": .text(text)], [:]) }
        heading = []
        line("\(stage): \(text)")
    }

    /// Remembers a limit for ``summary()``.
    package func limit(_ name: String, atMost bound: Figure, measured: Figure) {
        let fields: KeyValuePairs = ["at_most": bound, "measured": measured]
        add(name, " ≤ \(bound.description)", measured, holds: measured.number <= bound.number, fields)
    }

    /// Remembers a limit for ``summary()``.
    package func limit(_ name: String, atLeast bound: Figure, measured: Figure) {
        let fields: KeyValuePairs = ["at_least": bound, "measured": measured]
        add(name, " ≥ \(bound.description)", measured, holds: measured.number >= bound.number, fields)
    }

    /// Remembers a limit that is either kept or not.
    package func limit(_ name: String, holds: Bool) {
        let measured = Figure.text(holds ? "yes" : "no")
        add(name, "", measured, holds: holds, ["measured": measured])
    }

    private func add(
        _ name: String,
        _ bound: String,
        _ measured: Figure,
        holds: Bool,
        _ fields: KeyValuePairs<String, Figure>
    ) {
        let measured = measured.description
        limits.append(Limit(name: name, bound: bound, measured: measured, holds: holds, fields: fields))
    }

    /// All limits, each with what was measured.
    package func summary() {
        if !asJSON { line("") }
        for limit in limits {
            let verdict = limit.holds ? "ok" : "missed"
            if asJSON {
                json(["limit": .text(limit.name), "result": .text(verdict)], limit.fields)
            } else {
                line("limit \(limit.name)\(limit.bound): measured \(limit.measured): \(verdict)")
            }
        }
    }

    private func json(_ first: KeyValuePairs<String, Figure>, _ rest: KeyValuePairs<String, Figure>) {
        let members = (Array(first) + Array(rest)).map { key, figure in
            "\(Self.encoded(key + figure.suffix)):\(Self.encoded(figure.json))"
        }
        line("{\(members.joined(separator: ","))}")
    }

    /// Members are written one by one: an encoder would lose their order, which makes a line easier to read.
    private static func encoded(_ value: any Encodable) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        return (try? encoder.encode(value)).map { String(decoding: $0, as: UTF8.self) } ?? "null"
    }

    private static func cells(_ texts: [String], _ widths: [Int]) -> String {
        zip(texts, widths).enumerated().map { column, cell in
            let padding = String(repeating: " ", count: max(0, cell.1 - cell.0.count))
            return column == 0 ? cell.0 + padding : padding + cell.0
        }
        .joined(separator: "  ")
    }

    /// Lines aren't buffered, so that the results of a long run are seen at once, and kept if it is interrupted.
    private func line(_ text: String) {
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
