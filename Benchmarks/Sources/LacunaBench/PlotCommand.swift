import ArgumentParser
import Foundation
import Measuring

/// Draws the output of `growth`.
struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot",
        abstract: "Draws the JSON lines of growth: what a row costs at each number of rows, as SVG on standard output."
    )

    @Argument(help: "The file of JSON lines.")
    var file: String

    /// The fields of a line that are drawn. Lines of other kinds have other keys.
    private struct Line: Decodable {
        let stage: String
        let rows: Int
        let work: String
        let ids: String
        let who: String
        let per_row_seconds: Double
    }

    func run() throws {
        let decoder = JSONDecoder()
        let lines = try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n")
            .compactMap { try? decoder.decode(Line.self, from: Data($0.utf8)) }
            .filter { $0.who.hasPrefix(Contender.lacuna.rawValue) }
        let series = Dictionary(grouping: lines, by: Self.name)
            .map { name, lines in
                let points = Dictionary(grouping: lines, by: \.rows)
                    .map { rows, lines in
                        Plot.Point(x: Double(rows), y: lines.map(\.per_row_seconds).median * 1e6)
                    }
                return Plot.Series(name: name, points: points.sorted { $0.x < $1.x })
            }
        guard let plot = Plot(series) else { throw ValidationError("\(file) has no lines of growth") }
        print(plot.svg)
    }

    private static func name(of line: Line) -> String {
        switch line.stage {
        case "ingest": "ingest, \(line.ids) ids"
        case "puts": "single put"
        case "gets": "get, \(line.work.prefix { $0 != "," }), \(line.ids) ids"
        case "deletes": "delete"
        case "compact": line.who.split(separator: " ").dropFirst().joined() + ", half dead"
        default: "open " + line.work
        }
    }
}
