import Foundation
import Lacuna
import TestSupport
import Testing

/// Compares everything that a store returns, and its files, with a model.
func expectSame<ID: VectorID>(
    _ store: VectorStore<ID>,
    _ model: StoreModel<ID>,
    _ path: String,
    sourceLocation here: SourceLocation = #_sourceLocation
) throws {
    let rows = model.inIDOrder
    #expect(try store.count == rows.count, sourceLocation: here)
    #expect(try store.ids().map(IDKey.init) == rows.map { IDKey($0.id) }, sourceLocation: here)
    for row in rows {
        let vector = try store.vector(for: row.id)
        let json = try store.metadataJSON(for: row.id)
        let isThere = try store.contains(row.id)
        let isSame =
            vector?.bitPatterns == row.vector.bitPatterns
            && json.map { Array($0.utf8) } == row.json.map { Array($0.utf8) }
        #expect(isSame && isThere, "\(row.id)", sourceLocation: here)
    }
    var seen = 0
    try store.forEach { row in
        let expected = rows[seen]
        let isSame = IDKey(row.id) == IDKey(expected.id) && row.vector.bitPatterns == expected.vector.bitPatterns
        #expect(isSame && row.metadataJSON == expected.json, "\(row.id)", sourceLocation: here)
        seen += 1
    }
    #expect(seen == rows.count, sourceLocation: here)
    try expectSameSpace(store, model, path, sourceLocation: here)
    let report = try store.verify()
    #expect(report.isSound && report.rows == rows.count, "\(report)", sourceLocation: here)
    #expect(report.unknownFiles.isEmpty, sourceLocation: here)
}

private func expectSameSpace<ID: VectorID>(
    _ store: VectorStore<ID>,
    _ model: StoreModel<ID>,
    _ path: String,
    sourceLocation here: SourceLocation
) throws {
    let info = try store.info
    let stride = Int64(info.dimension * ElementFacts(info.element).bytes)
    let nextOffset = 4096 + Int64(model.slots) * stride
    let dead = model.slots - model.rows.count
    let fragmentation = model.slots == 0 ? 0 : Double(dead) / Double(model.slots)
    let space = try store.space
    #expect(space.liveRows == model.rows.count && space.deadRows == dead, "\(space)", sourceLocation: here)
    #expect(space.liveBytes == Int64(model.rows.count) * stride, sourceLocation: here)
    #expect(space.deadBytes == Int64(dead) * stride, sourceLocation: here)
    #expect(abs(space.fragmentation - fragmentation) < 1e-12, sourceLocation: here)
    let constantTime = try store.fragmentation
    #expect(abs(constantTime - fragmentation) < 1e-12, sourceLocation: here)
    #expect(info.generation == model.generation, sourceLocation: here)
    let file = try sizes(path + "/" + info.dataFile)
    #expect(space.logicalBytes == file.length && space.allocatedBytes == file.allocated, sourceLocation: here)
    #expect(file.length >= nextOffset && (file.length - 4096) % stride == 0, sourceLocation: here)

    let connection = try rawConnection(path + "/index.sqlite")
    let index = try connection.rows(4, "SELECT id, slot, byte_offset, byte_length FROM vector_index ORDER BY id")
    let expectedIndex: [[SQLValue]] = model.inIDOrder.map { row in
        [row.id.sqlValue, .integer(Int64(row.slot)), .integer(4096 + Int64(row.slot) * stride), .integer(stride)]
    }
    #expect(index == expectedIndex, sourceLocation: here)
    let runs = try connection.rows(
        4,
        "SELECT first_slot, dead_rows, byte_offset, dead_bytes FROM dead_ranges ORDER BY first_slot"
    )
    let expectedRuns: [[SQLValue]] = model.deadRuns.map { run in
        [
            .integer(Int64(run.lowerBound)), .integer(Int64(run.count)),
            .integer(4096 + Int64(run.lowerBound) * stride), .integer(Int64(run.count) * stride),
        ]
    }
    #expect(runs == expectedRuns, sourceLocation: here)
    let view = try connection.rows(
        7,
        "SELECT data_file, live_rows, dead_rows, live_bytes, dead_bytes, next_offset, fragmentation FROM space"
    )
    let expectedView: [SQLValue] = [
        .text("vectors-\(model.generation).\(ElementFacts(info.element).ending)"), .integer(Int64(model.rows.count)),
        .integer(Int64(dead)),
        .integer(Int64(model.rows.count) * stride), .integer(Int64(dead) * stride), .integer(nextOffset),
        .real(model.slots == 0 ? 0 : 1 - Double(model.rows.count) / Double(model.slots)),
    ]
    #expect(view == [expectedView], sourceLocation: here)
    #expect(
        try connection.value("SELECT live_rows FROM store") == .integer(Int64(model.rows.count)),
        sourceLocation: here
    )
    #expect(
        try connection.value("SELECT count(*) - count(DISTINCT slot) FROM vectors") == .integer(0),
        sourceLocation: here
    )
    try expectHeaderAndRows(info, model, path, sourceLocation: here)
}

/// Reads the data file as docs/format.md describes it.
private func expectHeaderAndRows<ID: VectorID>(
    _ info: VectorStoreInfo,
    _ model: StoreModel<ID>,
    _ path: String,
    sourceLocation here: SourceLocation
) throws {
    let bytes = [UInt8](try read(path + "/" + info.dataFile))
    func integer(_ offset: Int, _ count: Int) -> UInt64 {
        (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << (8 * $1) }
    }
    #expect(Array(bytes[..<8]) == [0x89, 0x4C, 0x41, 0x43, 0x55, 0x4E, 0x41, 0x0A], sourceLocation: here)
    #expect(integer(8, 4) == 1 && integer(12, 4) == 4096, sourceLocation: here)
    let uuid = info.uuid.uuidString.lowercased().replacingOccurrences(of: "-", with: "")
    #expect(
        bytes[16..<32].map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == uuid,
        sourceLocation: here
    )
    #expect(integer(32, 8) == UInt64(model.generation), sourceLocation: here)
    let facts = ElementFacts(info.element)
    #expect(integer(40, 4) == UInt64(info.dimension) && integer(44, 4) == facts.code, sourceLocation: here)
    #expect(integer(48, 8) == UInt64(facts.bytes * info.dimension), sourceLocation: here)
    #expect(integer(4092, 4) == UInt64(crc32c(bytes[..<4092])), sourceLocation: here)
    for row in model.rows.values {
        let begin = 4096 + row.slot * facts.bytes * info.dimension
        let stored = (0..<info.dimension).map { component in
            facts.value(integer(begin + component * facts.bytes, facts.bytes)).bitPattern
        }
        #expect(stored == row.vector.bitPatterns, "\(row.id) at slot \(row.slot)", sourceLocation: here)
    }
}

/// What docs/format.md says of an element.
struct ElementFacts {
    let bytes: Int
    let ending: String
    let code: UInt64
    let value: (UInt64) -> Float

    init(_ element: ElementType) {
        switch element {
        case .float32:
            (bytes, ending, code) = (4, "f32", 1)
            value = { Float(bitPattern: UInt32($0)) }
        case .float16:
            (bytes, ending, code) = (2, "f16", 2)
            value = { Float(half: UInt16($0)) }
        case .int8:
            (bytes, ending, code) = (1, "i8", 3)
            value = { Float(Int8(bitPattern: UInt8($0))) }
        }
    }
}

/// Compares a search with the model's answer: the same distances in the same order, rows in near ties in any order.
func expectNearest<ID: VectorID>(
    _ matches: [Match<ID>],
    _ expected: [(id: ID, distance: Double)],
    limit: Int,
    tolerance: Double,
    sourceLocation here: SourceLocation = #_sourceLocation
) {
    #expect(matches.count == min(limit, expected.count), sourceLocation: here)
    let distances = Dictionary(expected.map { (IDKey($0.id), $0.distance) }, uniquingKeysWith: { first, _ in first })
    for (match, nearest) in zip(matches, expected) {
        let own = distances[IDKey(match.id)] ?? .infinity
        let isRight = abs(match.distance - nearest.distance) <= tolerance && abs(own - match.distance) <= tolerance
        #expect(isRight, "\(match) for \(nearest)", sourceLocation: here)
    }
    #expect(Set(matches.map { IDKey($0.id) }).count == matches.count, sourceLocation: here)
}
