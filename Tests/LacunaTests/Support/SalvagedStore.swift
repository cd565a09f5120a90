import Foundation
import TestSupport
import Testing

@testable import Lacuna

/// The result of a salvage, which is checked to have touched nothing.
struct SalvagedStore {
    let report: SalvageReport
    private(set) var rows: [SalvagedRow] = []

    init(
        _ scratch: Scratch,
        _ fileSystem: any FileSystem = SystemFileSystem(),
        sourceLocation here: SourceLocation = #_sourceLocation
    ) throws {
        let before = (try scratch.contents(), try scratch.names())
        var rows: [SalvagedRow] = []
        report = try VectorStoreRecovery.salvage(try StorePaths(scratch.store), fileSystem) { rows.append($0) }
        self.rows = rows
        #expect(try scratch.contents() == before.0, "salvage changed the store", sourceLocation: here)
        #expect(try scratch.names() == before.1, sourceLocation: here)
        #expect(report.verified == verified.count && report.unverified == unverified.count, sourceLocation: here)
        for reason in SetAsideReason.allCases {
            #expect(report.setAside[reason] ?? 0 == setAside(reason).count, sourceLocation: here)
        }
    }

    var verified: [SalvagedRow] { rows.filter { $0.verdict == .verified } }
    var unverified: [SalvagedRow] { rows.filter { $0.verdict == .unverified } }

    func setAside(_ reason: SetAsideReason) -> [SalvagedRow] { rows.filter { $0.verdict == .setAside(reason) } }

    /// The reasons and their counts.
    var reasons: [SetAsideReason: Int] { report.setAside }

    /// Expects that the verified rows are exactly those of the model except some, byte for byte.
    func expectVerified<ID: VectorID>(
        _ model: StoreModel<ID>,
        except ids: [ID] = [],
        withoutMetadata: [ID] = [],
        sourceLocation here: SourceLocation = #_sourceLocation
    ) {
        let lost = Set(ids)
        let left = model.inIDOrder.filter { !lost.contains($0.id) }
        let found = verified.sorted { key($0) < key($1) }
        #expect(found.map(key) == left.map { IDKey($0.id) }, sourceLocation: here)
        let wrong = zip(found, left).filter { row, expected in
            let json = withoutMetadata.contains(expected.id) ? nil : expected.json
            return row.vector.bitPatterns != expected.vector.bitPatterns || row.metadataJSON != json
        }
        #expect(wrong.isEmpty, "\(wrong.map(\.1.id))", sourceLocation: here)
    }

    private func key(_ row: SalvagedRow) -> IDKey {
        switch row.id {
        case .integer(let integer): IDKey(integer)
        case .text(let text): IDKey(text)
        default: IDKey("")
        }
    }
}

/// A small store, closed, and the model of it.
struct SmallStore<ID: VectorID> {
    let scratch: Scratch
    private(set) var model = StoreModel<ID>()
    static var dimension: Int { 4 }

    /// Row *n* has the components n, n + 0.25, n + 0.5, n + 0.75, so that all rows differ; every third has no metadata.
    init(_ ids: [ID], delete dead: [ID] = []) throws {
        scratch = try Scratch()
        let store = try VectorStore<ID>.create(at: scratch.store, configuration: .init(dimension: Self.dimension))
        var model = StoreModel<ID>()
        try store.write { batch in
            for (number, id) in ids.enumerated() {
                let json = number % 3 == 2 ? nil : #"{ "n":\#(number), "text":"some text to fill pages \#(number)"}"#
                try batch.put(Self.vector(number), for: id, metadataJSON: json)
                model.put(Self.vector(number), for: id, json: json)
            }
        }
        for id in dead { model.delete(id) }
        if !dead.isEmpty { try store.delete(dead) }
        try store.close()
        self.model = model
    }

    static func vector(_ number: Int) -> [Float] { (0..<dimension).map { Float(number) + Float($0) / 4 + 1 } }

    /// The byte at which the row of slot `slot` begins.
    func begin(_ slot: Int) -> UInt64 { UInt64(4_096 + slot * 4 * Self.dimension) }

    func overwrite(_ name: String, at offset: UInt64, _ bytes: [UInt8]) throws {
        try edit(scratch.file(name)) { file in
            try file.seek(toOffset: offset)
            try file.write(contentsOf: Data(bytes))
        }
    }

    /// The leaf pages of a table without rowids, in key order, and the number of rows in each. The tree must have two
    /// levels.
    func leaves(_ table: String) throws -> [(page: Int, rows: Int)] {
        let root = try rawConnection(scratch.index).value("SELECT rootpage FROM sqlite_schema WHERE name = '\(table)'")
        guard case .integer(let root) = root else { throw CocoaError(.fileReadCorruptFile) }
        let bytes = [UInt8](try read(scratch.index))
        func number(_ at: Int, _ count: Int) -> Int { bytes[at..<at + count].reduce(0) { $0 << 8 | Int($1) } }
        let page = (Int(root) - 1) * 4_096
        try #require(bytes[page] == 2, "the table has more than a page, and its root is an inner one")
        let cells = (0..<number(page + 3, 2)).map { page + number(page + 12 + 2 * $0, 2) }
        return try (cells.map { number($0, 4) } + [number(page + 8, 4)]).map { leaf in
            let page = (leaf - 1) * 4_096
            try #require(bytes[page] == 10)
            return (leaf, number(page + 3, 2))
        }
    }

    /// Fills a page of the index with bytes that are no valid page.
    func destroy(page: Int) throws {
        try overwrite("index.sqlite", at: UInt64(page - 1) * 4_096, [UInt8](repeating: 0xA5, count: 4_096))
    }
}
