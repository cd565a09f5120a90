/// Copies rows to other slots, in the same file or another, and checks each against its checksum.
struct RowCopier {
    let source: DataFile
    let target: DataFile
    /// The bytes of rows that are in memory at a time.
    let batchBytes: Int
    /// Called after a write that failed, which may have damaged more than these rows. A failed read damages nothing.
    var writeFailed: (VectorStoreError) -> Void = { _ in }

    /// Rows and places must be in ascending order; neighbours are read, and written, with one call.
    ///
    /// - Throws: `damaged`, with the ids, if a row doesn't match its checksum; nothing of its batch was written then.
    func copy(_ rows: [LiveRow], to places: [Slot]) throws(VectorStoreError) {
        let rowBytes = Int(source.stride)
        let capacity = max(1, batchBytes / rowBytes)
        var buffer = [UInt8](repeating: 0, count: min(capacity, rows.count) * rowBytes)
        var begin = 0
        while begin < rows.count {
            let end = min(begin + capacity, rows.count)
            let batch = rows[begin..<end]
            var span = buffer.mutableSpan
            try unsafe span.withUnsafeMutableBytes { bytes throws(VectorStoreError) in
                try unsafe read(batch, into: bytes)
                try unsafe check(batch, UnsafeRawBufferPointer(bytes))
                do throws(VectorStoreError) {
                    try unsafe write(UnsafeRawBufferPointer(bytes), to: places[begin..<end])
                } catch {
                    writeFailed(error)
                    throw error
                }
            }
            begin = end
        }
    }

    private func read(_ rows: ArraySlice<LiveRow>, into buffer: UnsafeMutableRawBufferPointer) throws(VectorStoreError)
    {
        try forEachStretch(rows.lazy.map(\.slot)) { offset, bytes throws(VectorStoreError) in
            try unsafe source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[bytes]), at: offset)
        }
    }

    private func write(_ rows: UnsafeRawBufferPointer, to places: ArraySlice<Slot>) throws(VectorStoreError) {
        try forEachStretch(places) { offset, bytes throws(VectorStoreError) in
            try unsafe target.write(UnsafeRawBufferPointer(rebasing: rows[bytes]), at: offset)
        }
    }

    /// Calls `body` for each group of neighbouring slots, with its offset in the file, and its range of the batch's
    /// bytes.
    private func forEachStretch(
        _ slots: some Collection<Slot>,
        _ body: (Int64, Range<Int>) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        let rowBytes = Int(source.stride)
        var run: (slots: Range<Slot>, begin: Int)?
        func end() throws(VectorStoreError) {
            guard let run else { return }
            try body(
                source.layout.offset(run.slots.lowerBound),
                run.begin..<run.begin + run.slots.count * rowBytes
            )
        }
        for (index, slot) in slots.enumerated() {
            if let current = run, current.slots.upperBound == slot {
                run?.slots = current.slots.lowerBound..<slot.advanced(by: 1)
                continue
            }
            try end()
            run = (slot..<slot.advanced(by: 1), index * rowBytes)
        }
        try end()
    }

    private func check(_ rows: ArraySlice<LiveRow>, _ buffer: UnsafeRawBufferPointer) throws(VectorStoreError) {
        if PlantedBug.checksumNotChecked.isPlanted { return }
        let checksums = unsafe source.checksums(
            of: UnsafeRawBufferPointer(rebasing: buffer[..<(rows.count * Int(source.stride))])
        )
        let bad = zip(rows, checksums).filter { row, bytes in
            row.id.checksum(continuing: Checksum(value: bytes)) != row.checksum
        }
        if !bad.isEmpty { throw .mismatched(bad.map { $0.0.id.idText }) }
    }
}

extension VectorStoreError {
    static func mismatched(_ ids: [String]) -> VectorStoreError {
        let what =
            ids.count == 1
            ? "row of the id \(ids[0]) doesn't match its checksum"
            : "rows of the ids \(list(ids)) don't match their checksums"
        return .damaged("the \(what)", ids: ids)
    }
}
