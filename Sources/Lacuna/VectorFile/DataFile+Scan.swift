extension DataFile {
    /// Reads the live rows in the order of their slots, in batches without the gaps between them. A batch is all the
    /// memory that this takes.
    ///
    /// Calls `body` with the range of slots of a batch, which includes dead slots, and the bytes of its live rows.
    /// Calls `unreadable` with each slot that can't be read, whose row then reads as zeros; without `unreadable`, such
    /// a slot is an error.
    func forEachLiveBatch(
        _ live: LiveBitmap,
        batchBytes: Int = 4 << 20,
        unreadable: ((Slot) -> Void)? = nil,
        _ body: (Range<Slot>, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let rowBytes = Int(stride)
        let capacity = max(1, batchBytes / rowBytes)
        var buffer = [UInt8](repeating: 0, count: capacity * rowBytes)
        var filled = 0
        var covered = Slot(0)..<Slot(0)
        func flush() throws {
            if filled == 0 { return }
            try unsafe buffer.span.extracting(..<(filled * rowBytes)).withUnsafeBytes { try unsafe body(covered, $0) }
            filled = 0
        }
        try live.forEachStretch(live: true) { run in
            var slots = run
            while !slots.isEmpty {
                let count = min(slots.count, capacity - filled)
                let part = slots.prefix(count)
                var span = buffer.mutableSpan
                try unsafe span.withUnsafeMutableBytes { bytes throws(VectorStoreError) in
                    let begin = filled * rowBytes
                    let place = unsafe UnsafeMutableRawBufferPointer(
                        rebasing: bytes[begin..<begin + count * rowBytes]
                    )
                    try unsafe read(part, into: place, unreadable)
                }
                covered = (filled == 0 ? part.lowerBound : covered.lowerBound)..<part.upperBound
                filled += count
                slots = slots.dropFirst(count)
                if filled == capacity { try flush() }
            }
        }
        try flush()
    }

    private func read(
        _ slots: Range<Slot>,
        into buffer: UnsafeMutableRawBufferPointer,
        _ unreadable: ((Slot) -> Void)?
    ) throws(VectorStoreError) {
        do { try unsafe read(into: buffer, at: layout.offset(slots.lowerBound)) } catch {
            guard let unreadable else { throw error }
            let rowBytes = Int(stride)
            for (index, slot) in slots.enumerated() {
                let row = unsafe UnsafeMutableRawBufferPointer(
                    rebasing: buffer[index * rowBytes..<(index + 1) * rowBytes]
                )
                do { try unsafe read(into: row, at: layout.offset(slot)) } catch {
                    unsafe row.initializeMemory(as: UInt8.self, repeating: 0)
                    unreadable(slot)
                }
            }
        }
    }

    /// The checksum of each row in a batch.
    func checksums(of rows: UnsafeRawBufferPointer) -> [UInt32] {
        Swift.stride(from: 0, to: rows.count, by: Int(stride)).map { begin in
            var checksum = Checksum()
            unsafe checksum.update(UnsafeRawBufferPointer(rebasing: rows[begin..<begin + Int(stride)]))
            return checksum.value
        }
    }
}
