/// What a store can tell of itself without reading rows, at one moment. A part that can't be read, because the store is
/// damaged there, has the error in its place.
package struct StoreOverview: Sendable {
    package typealias Part<Value> = Result<Value, VectorStoreError>

    package let info: VectorStoreInfo
    package let rows: Int
    package let commits: Int64
    package let space: Part<(space: StoreSpace, slots: [SlotBucket])>
    package let history: Part<(records: [MaintenanceRecord], all: Int)>
    package let derivedFiles: Part<[DerivedFileInfo]>
    package let indexes: Part<[IndexInfo]>
    package let schema: Part<(objects: [SchemaObject], all: Int)>
}

/// A file that was made from the rows.
package struct DerivedFileInfo: Sendable, Equatable {
    package let name: String
    package let kind: String
    /// Whether it was made from the current data file's rows; otherwise it is left over.
    package let isCurrent: Bool
    /// The number of slots that it was made from.
    package let slots: Int
    /// Nil if the file isn't there.
    package let bytes: Int64?
}

extension VectorStore {
    /// Takes O(rows + entries of indexes) time.
    ///
    /// - Parameters:
    ///   - buckets: The number of parts into which the data file's slots are divided, at most.
    ///   - limit: The number of journal entries and of schema objects that are told, at most.
    package func overview(buckets: Int, limit: Int) throws -> StoreOverview {
        try readers.read { snapshot in
            let (index, record) = (snapshot.index, snapshot.record)
            return StoreOverview(
                info: VectorStoreInfo(record, index),
                rows: Int(record.liveRows),
                commits: record.commitSequence,
                space: try unlessDamaged {
                    let live = try LiveBitmap.load(index, record)
                    let file = snapshot.rows.file
                    let space = try StoreSpace.measure(live, file, index.codes(record.generation), paths)
                    return (space, SlotBucket.measure(live, file, count: buckets))
                },
                history: try unlessDamaged { try index.history(newest: limit) },
                derivedFiles: try unlessDamaged { try derivedFiles(index, record.generation) },
                indexes: try unlessDamaged { try index.allIndexes() },
                schema: try unlessDamaged { try index.schemaObjects(first: limit) }
            )
        }
    }

    private func derivedFiles(_ index: StoreIndex, _ generation: Int64) throws -> [DerivedFileInfo] {
        try index.derivedFiles().map { file in
            DerivedFileInfo(
                name: file.name,
                kind: file.kind,
                isCurrent: file.generation == generation,
                slots: file.covered.number,
                bytes: try mapped(paths.derivedFileStatus(file.name))?.size
            )
        }
    }

    private func unlessDamaged<Value>(_ read: () throws -> Value) throws -> StoreOverview.Part<Value> {
        do { return .success(try read()) } catch let error as VectorStoreError where error.code == .damaged {
            return .failure(error)
        }
    }
}
