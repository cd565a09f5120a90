/// Reads live rows of a data file in the order of their slots, with what the index tells of them.
struct RowScan {
    let index: StoreIndex
    let record: StoreRecord
    let file: DataFile
    let live: LiveBitmap

    /// Calls `body` with batches of rows, and the checksum of each row's bytes and its id. Bounded memory.
    ///
    /// `unreadable` is told of each slot that can't be read; without it, that is an error.
    ///
    /// - Throws: `damaged` where no run tells what lies in a live slot.
    func forEachBatch(
        bytes: Int,
        unreadable: ((Slot) -> Void)? = nil,
        _ body: ([LiveRow], _ checksums: [UInt32], UnsafeRawBufferPointer) throws -> Void
    ) throws {
        try unsafe file.forEachLiveBatch(live, batchBytes: bytes, unreadable: unreadable) { slots, rows in
            let entries = try index.rows(live.slots(in: slots), in: slots, record.generation, record.codec)
            let sums = unsafe file.checksums(of: rows)
            let checksums = zip(entries, sums).map { $0.id.checksum(continuing: Checksum(value: $1)) }
            try unsafe body(entries, checksums, rows)
        }
    }
}
