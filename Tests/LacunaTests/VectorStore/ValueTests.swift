import Foundation
import Lacuna
import Testing

/// The values that a store gives can also be made by hand, as previews and tests of an app do it.
@Suite struct ValueTests {
    private struct Note: Codable, Hashable { var title: String }

    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 1, metric: .euclidean))
        try store.put([1], for: 1, metadata: Note(title: "one"))
        try store.put([3], for: 2)
    }

    @Test func matchesAndRows() throws {
        let matches = try store.search(for: [1], limit: 2)
        #expect(matches == [Match(id: 1, distance: 0), Match(id: 2, distance: 2)])
        #expect(Set(matches + matches).count == 2)
        let decoded = try store.search(for: [1], limit: 2, as: Note.self)
        #expect(
            Set(decoded) == [
                DecodedMatch(match: Match(id: 1, distance: 0), metadata: Note(title: "one")),
                DecodedMatch(match: Match(id: 2, distance: 2)),
            ]
        )
        try store.createTextIndex(on: ["title"])
        let fused = try store.search(for: [1], matching: .words("none"), limit: 2)
        #expect(
            Set(fused) == [
                FusedMatch(id: 1, score: 1 / 61, vectorRank: 1, distance: 0),
                FusedMatch(id: 2, score: 1 / 62, vectorRank: 2, distance: 2),
            ]
        )
        var rows: Set<StoredRow<Int64>> = []
        try store.forEach { rows.insert($0) }
        #expect(
            rows == [
                StoredRow(id: 1, vector: [1], metadataJSON: #"{"title":"one"}"#), StoredRow(id: 2, vector: [3]),
            ]
        )
        // Lists of a user interface take them as they are.
        func ids<V: Identifiable>(_ values: [V]) -> [V.ID] { values.map(\.id) }
        #expect(ids(matches) == [1, 2] && ids(decoded) == [1, 2] && ids(fused) == [1, 2])
        #expect(ids(rows.sorted { $0.id < $1.id }) == [1, 2])
    }

    @Test func descriptionsAndReports() throws {
        let info = try store.info
        #expect(info == VectorStoreInfo(uuid: info.uuid, dimension: 1, metric: .euclidean))
        let buckets = [SlotBucket(slots: 0..<1, liveRows: 1), SlotBucket(slots: 1..<2, liveRows: 1)]
        #expect(try store.slotMap(buckets: 9) == buckets)
        #expect(try store.verify() == VerificationReport(rows: 2))
        #expect(try store.compactionPlan() == CompactionPlan(reason: "no row is dead"))
        try store.createMetadataIndex(on: "title")
        let index = IndexInfo(name: "field_title", kind: .metadata, fields: ["title"], rows: 1)
        #expect(try store.indexes() == [index])
        var progress: [MaintenanceProgress] = []
        _ = try store.verify { progress.append($0) }
        #expect(progress.last == MaintenanceProgress(done: 2, total: 2))
        let space = try store.space
        #expect(
            space
                == StoreSpace(
                    liveRows: 2,
                    logicalBytes: space.logicalBytes,
                    allocatedBytes: space.allocatedBytes,
                    liveBytes: 8,
                    indexBytes: space.indexBytes
                )
        )
        try store.close()
        let uuid = try rawConnection(scratch.index).value("SELECT uuid FROM store")
        #expect(uuid == .text(info.uuid.uuidString.lowercased()))
        let clean = try VectorStoreRecovery.recover(at: scratch.store)
        #expect(clean.state == RecoveryReport().state && clean.actions == RecoveryReport().actions)
    }

    /// The reports that no store gives in this form: they need what they say, and the rest is nothing.
    @Test func reportsByHand() {
        #expect(SearchReport(plan: .indexFirst, threads: 2) != SearchReport())
        #expect(CompactionReport(strategy: .punch, liveRows: 7).movedRows == 0)
        #expect(ErasureReport(erasedRows: 2) == ErasureReport(erasedRows: 2, zeroedBytes: 0))
        #expect(ReembeddingReport(rows: 2, dimension: 3).isOwnerKept)
        #expect(AccelerationReport(components: 32, rows: 5, bytes: 4_096).duration == .zero)
        #expect(BackupReport(rows: 3, isIncremental: true) != BackupReport(rows: 3))
        #expect(RestoreReport(rows: 3).movedAside == nil)
        #expect(PendingReembedding(dimension: 3, rows: 1).model == nil)
        #expect(SalvageReport(verified: 1).state == .clean)
        #expect(SalvagedRow(.verified, id: 7, slot: 3, dataFile: "vectors-1.f32").slot == 3)
        let action = RecoveryReport.Action(.removeFile, file: "vectors-1.f32", bytes: 4_096, detail: "superseded")
        #expect(RecoveryReport(state: .recovered, actions: [action]).actions.map(\.kind) == [.removeFile])
    }

    /// Scripts read these in the command's output.
    @Test func actionsAreNamedAsTheCommandPrintsThem() {
        #expect(
            RecoveryReport.Action.Kind.allCases.map(\.rawValue).sorted() == [
                "abort", "erase", "finish", "keep-file", "leave-file", "rebuild-index", "remove-file", "remove-rows",
                "trim-file",
            ]
        )
    }
}
