/// Releases the disk blocks inside gaps, whenever their rows have died.
///
/// When the first block is released, the deletes that made the rows dead are durable, and no reader sees a state from
/// before them. A crash in the middle leaves some blocks released: nothing names a row in them, so there is nothing to
/// undo. Dead rows stay dead: writers only append, and nothing else moves rows meanwhile.
struct Punch {
    let maintenance: Maintenance

    func run() throws -> CompactionReport {
        try maintenance.failing {
            let file = try maintenance.openCurrentFile()
            try file.sync()
            let before = try file.status()
            let start = try maintenance.begin(.punch, before)
            let live: LiveBitmap
            do {
                live = try LiveBitmap.loadChecked(maintenance.index, start.record).live
                try maintenance.drainReaders(before: "released")
                try release(live, file, before.blockSize)
                try file.sync()
            } catch {
                maintenance.abort(start.journal, after: error)
                throw error
            }
            let after = try file.status()
            try maintenance.commit { index throws(VectorStoreError) in
                try index.endJournal(start.journal, allocatedAfter: after.allocated)
            }
            return CompactionReport(
                strategy: .punch,
                liveRows: live.liveCount,
                logicalBytesBefore: before.size,
                logicalBytesAfter: after.size,
                allocatedBytesBefore: before.allocated,
                allocatedBytesAfter: after.allocated,
                generation: start.record.generation
            )
        }
    }

    private func release(_ live: LiveBitmap, _ file: DataFile, _ blockSize: Int64) throws {
        var extents = DataExtents(file)
        try live.forEachStretch(live: false) { run in
            guard let blocks = file.blocks(inside: run, blockSize: blockSize) else { return }
            try forEachPart(blocks, &extents, blockSize) { part, isHole in
                if try !file.punchHole(part) {
                    // The file system can't make holes: the gap is zeroed, and the measured gain is nothing.
                    try file.forEachExtent(in: file.layout.offsets(run)) {
                        extent throws(VectorStoreError) in try file.zero(extent)
                    }
                    return false
                }
                try maintenance.advance(run.upperBound.number, of: live.slots.number, bytes: isHole ? 0 : part.count)
                return true
            }
        }
    }

    /// Cuts a range of whole blocks into batches, until `body` returns false. A hole is one batch, however long it is;
    /// it is punched too, since it may have blocks that were reserved.
    private func forEachPart(
        _ blocks: Range<Int64>,
        _ extents: inout DataExtents,
        _ blockSize: Int64,
        _ body: (Range<Int64>, _ isHole: Bool) throws -> Bool
    ) throws {
        let step = max(blockSize, Int64(maintenance.limits.bytes) / blockSize * blockSize)
        var begin = blocks.lowerBound
        while begin < blocks.upperBound {
            let data = min(blocks.upperBound, (extents.first(from: begin)?.lowerBound ?? .max) / blockSize * blockSize)
            let isHole = data > begin
            let end = isHole ? data : min(blocks.upperBound, begin + step)
            guard try body(begin..<end, isHole) else { return }
            begin = end
        }
    }
}
