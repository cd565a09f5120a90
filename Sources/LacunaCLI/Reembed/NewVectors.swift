import Lacuna
import LacunaFormats

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// The file of new vectors of a re-embedding. It is read once to find the row of each id, which is kept in memory, and
/// then row by row.
struct NewVectors<ID: CommandID> {
    private enum Rows {
        case array(NPYReader, [ID.UniqueKey: Int])
        case lines(JSONLinesReader, [ID.UniqueKey: Range<Int>])
    }

    let dimension: Int
    private let path: String
    private let rows: Rows

    /// - Parameters:
    ///   - dimension: The dimension that the vectors must have; nil for any that all have.
    ///   - ids: The store's ids in id order, for a file without ids.
    init(_ path: String, dimension: Int?, ids: () throws -> [ID]) throws {
        self.path = path
        if RowFormat(path: path)?.name == "npy" {
            let array = try NPYReader(path: path)
            self.dimension = array.dimension
            rows = .array(array, try Self.numbers(array, path, ids))
            try Self.check(array.dimension, dimension, path)
        } else {
            let lines = try JSONLinesReader(path: path, areRows: true)
            (self.dimension, rows) = try Self.places(lines, dimension, path)
        }
    }

    /// Throws unless the file has a vector for each row of the store.
    func checkIDs(of store: VectorStore<ID>) throws {
        var missing: (first: ID, count: Int)?
        try store.forEach(includingVectors: false) { row in
            try Interrupts.check()
            if !contains(row.id) { missing = (missing?.first ?? row.id, (missing?.count ?? 0) + 1) }
        }
        guard let missing else { return }
        let others = missing.count > 1 ? ", nor for \(missing.count - 1) others" : ""
        throw CommandError.badData(
            "\(path) has no vector for the id \(missing.first.text)\(others)",
            remedy: "give every row of the store a new vector"
        )
    }

    private func contains(_ id: ID) -> Bool {
        switch rows {
        case .array(_, let numbers): numbers[id.uniqueKey] != nil
        case .lines(_, let places): places[id.uniqueKey] != nil
        }
    }

    func vector(for id: ID) throws -> [Float] {
        switch rows {
        case .array(let array, let numbers):
            if let number = numbers[id.uniqueKey] { return try array.row(number) }
        case .lines(let lines, let places):
            if let place = places[id.uniqueKey] {
                return try FullRow(
                    lines.object(at: place),
                    dimension: dimension,
                    of: Self.others,
                    at: "\(path), id \(id.text)"
                )
                .vector
            }
        }
        throw CommandError.badData("\(path) has no vector for the id \(id.text)", remedy: "give it one")
    }

    // MARK: Finding the rows

    private static func check(_ dimension: Int, _ expected: Int?, _ path: String) throws(CommandError) {
        guard let expected, expected != dimension else { return }
        throw .badData(
            "\(path): its vectors have \(dimension) components, and --dimension says \(expected)",
            remedy: "give vectors of that dimension, or leave the option out"
        )
    }

    private static func numbers(
        _ array: NPYReader,
        _ path: String,
        _ ids: () throws -> [ID]
    ) throws -> [ID.UniqueKey: Int] {
        var numbers: [ID.UniqueKey: Int] = [:]
        let names = path.dropLast("npy".count) + "jsonl"
        guard FileManager.default.fileExists(atPath: String(names)) else {
            let ids = try ids()
            guard ids.count == array.rows else {
                throw CommandError.badData(
                    "\(path) has \(array.rows) rows, and the store has \(ids.count)",
                    remedy: "give one for each row in id order, or their ids in \(names)"
                )
            }
            for (number, id) in ids.enumerated() { numbers[id.uniqueKey] = number }
            return numbers
        }
        let lines = try JSONLinesReader(path: String(names))
        while let object = try lines.next() {
            try Interrupts.check()
            try add(object, lines.location, numbers.count, to: &numbers)
        }
        guard numbers.count == array.rows else {
            throw CommandError.badData(
                "\(names) has \(numbers.count) lines for the \(array.rows) rows of \(path)",
                remedy: "give one for each row"
            )
        }
        return numbers
    }

    private static func places(_ lines: JSONLinesReader, _ expected: Int?, _ path: String) throws -> (Int, Rows) {
        var places: [ID.UniqueKey: Range<Int>] = [:]
        var dimension = expected
        while let object = try lines.next() {
            try Interrupts.check()
            let row = try FullRow(object, dimension: dimension, of: others, at: lines.location)
            dimension = row.vector.count
            try add(object, lines.location, lines.place, to: &places)
        }
        guard let dimension else {
            throw CommandError.badData("\(path) has no vectors", remedy: "say with --dimension how long they would be")
        }
        return (dimension, .lines(lines, places))
    }

    private static var others: String { "the other new ones" }

    private static func add<Place>(
        _ object: JSONObject,
        _ location: String,
        _ place: Place,
        to places: inout [ID.UniqueKey: Place]
    ) throws {
        let member: String?
        do { member = try object.member(named: "id")?.rawValue } catch { throw error.at(location) }
        guard let member else {
            throw CommandError.badData("\(location): the row has no \"id\"", remedy: "give it one")
        }
        let id = try ID(json: member, at: location)
        guard places.updateValue(place, forKey: id.uniqueKey) == nil else {
            throw CommandError.badData(
                "\(location): the id \(id.text) is there twice",
                remedy: "give every row an id of its own"
            )
        }
    }
}
