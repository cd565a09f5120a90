/// Reads live rows of a data file in the order of their slots, with their ids and checksums from the index.
struct RowScan {
    let index: StoreIndex
    let record: StoreRecord
    let file: DataFile
    let live: LiveBitmap

    /// Calls `body` with batches of rows, and the checksum of each row's bytes and its id. Takes bounded memory.
    ///
    /// `unreadable` is called with each slot that can't be read; without it, such a slot is an error.
    ///
    /// - Throws: `damaged` if no run describes a live slot.
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
