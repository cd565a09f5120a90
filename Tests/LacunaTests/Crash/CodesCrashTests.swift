// The bug story: codes said that they covered rows, and after a power cut the file didn't have them all. Searches then
// found other rows than the nearest, or read codes of rows that had moved.

import TestSupport
import Testing

@testable import Lacuna

/// Codes are explored at every moment of a life with them: after a kill and after a power cut, searches with them must
/// find the same rows as searches without.
@Suite struct CodesCrashTests {
    enum Step: CaseIterable {
        case make, put, extend, delete, moveInPlace, putMore, rewrite, erase

        func run(_ store: VectorStore<Int64>) throws {
            switch self {
            case .make, .extend: try store.accelerate()
            case .put: try CodesCrashTests.put(300..<600, in: store)
            // A search leaves out dead slots at the ends of a tile, so these stay alive.
            case .delete: try store.delete((0..<600).filter { $0 % 2 == 1 && $0 % 256 != 255 }.map(Int64.init))
            case .moveInPlace: try store.compact(.inPlace)
            case .putMore: try CodesCrashTests.put(600..<900, in: store)
            case .rewrite: try store.compact(.rewrite)
            case .erase: try store.erase([0, 2, 4])
            }
        }

        /// The number of slots with codes after the step.
        var coded: Int {
            switch self {
            case .make, .put, .moveInPlace, .putMore: 256
            case .extend, .delete, .rewrite: 512
            case .erase: 0
            }
        }
    }

    private static let dimension = 4
    private static let queries: [[Float]] = [[1, 0, 0, 0], [0.5, -0.5, 0.5, 0.1], [-0.2, 0.9, 0.1, -0.7]]

    private static func put(_ ids: Range<Int>, in store: VectorStore<Int64>) throws {
        var generator = SplitMix64(seed: UInt64(ids.lowerBound))
        try store.write { batch in
            for id in ids {
                try batch.put((0..<dimension).map { _ in Float.random(in: -1...1, using: &generator) }, for: Int64(id))
            }
        }
    }

    @Test func everyMoment() throws {
        try TestFiles.withDirectory { parent in
            try TestDisk.with(parent + "/store") { disk in
                let configuration = VectorStoreConfiguration(dimension: Self.dimension, metric: .euclidean)
                let store = try VectorStore<Int64>.create(
                    at: disk.directory,
                    configuration: configuration,
                    fileSystem: disk.fileSystem
                )
                try Self.put(0..<300, in: store)
                for step in Step.allCases {
                    let first = disk.moments.count
                    disk.record()
                    try step.run(store)
                    let last = disk.now
                    disk.record(false)
                    let moments = Array(disk.moments[first...])
                    #expect(moments.count > 3)
                    for moment in moments { try Self.check(moment, "\(step)", seed: UInt64(moment.operation)) }
                    // What a call has acknowledged survives a power cut that leaves nothing else.
                    try TestDisk.holding(last.model.afterPowerCut(.nothing)) { disk in
                        let coded = try Self.coded(disk)
                        #expect(coded >= step.coded, "after \(step)")
                    }
                }
            }
        }
    }

    private static func check(_ moment: Moment, _ step: String, seed: UInt64) throws {
        try TestDisk.killed(at: moment) { try check($0, "\(step), killed before operation \(moment.operation)") }
        for survival in Survival.extremes + [.some(seed: seed)] {
            try TestDisk.holding(moment.model.afterPowerCut(survival)) { disk in
                try check(disk, "\(step), power cut before operation \(moment.operation) (\(survival))")
            }
        }
    }

    private static func check(_ disk: TestDisk, _ crash: String) throws {
        let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
        let accelerated = try queries.map { try store.search(for: $0, limit: 20) }
        try store.stopAccelerating()
        let exact = try queries.map { try store.search(for: $0, limit: 20) }
        #expect(exact == accelerated, "\(crash)")
        let isSound = try store.verify().isSound
        #expect(isSound, "\(crash)")
        try store.close()
    }

    /// The number of slots that a search reads by their codes.
    private static func coded(_ disk: TestDisk) throws -> Int {
        let store = try VectorStore<Int64>.open(at: disk.directory, fileSystem: disk.fileSystem)
        return try store.explainedSearch(forEach: queries, limit: 20).report.codedRows
    }
}
