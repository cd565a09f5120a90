extension CompactionPlan {
    /// Below this share of dead rows, releasing blocks in place beats copying everything, if it gets at most of them.
    private static let lowFragmentation = 0.2
    /// Copying more than this many bytes to get one back isn't worth it, unless it is asked for by name.
    private static let bytesCopiedForOne: Int64 = 100

    /// What `strategy` comes to on this store, now.
    static func make(
        _ strategy: CompactionStrategy,
        _ index: StoreIndex,
        _ record: StoreRecord,
        _ file: DataFile,
        _ paths: StorePaths
    ) throws(VectorStoreError) -> CompactionPlan {
        let space = try StoreSpace.measure(index, record, file, paths)
        let free = try mapped(Directory.freeBytes(paths.directory))
        return choose(strategy, space, stride: record.stride, freeBytes: free)
    }

    private static func choose(
        _ strategy: CompactionStrategy,
        _ space: StoreSpace,
        stride: Int64,
        freeBytes: Int64
    ) -> CompactionPlan {
        let needed = DataFileHeader.length + space.liveBytes
        // The new file keeps a reserve, once the old one is gone.
        let length = space.liveRows == 0 ? needed : Preallocation.compactLength(rowsEnd: needed, stride: stride)
        let reclaimable = max(0, space.allocatedBytes - length)
        func rewrite(_ reason: String) -> CompactionPlan {
            CompactionPlan(
                strategy: .rewrite,
                reason: reason,
                movedRows: space.liveRows,
                writtenBytes: needed,
                reclaimedBytes: reclaimable,
                neededBytes: needed
            )
        }
        func punch(_ reason: String) -> CompactionPlan {
            CompactionPlan(strategy: .punch, reason: reason, reclaimedBytes: space.punchableBytes)
        }
        func nothing(_ reason: String) -> CompactionPlan { CompactionPlan(strategy: nil, reason: reason) }
        if space.deadRows == 0 { return nothing("no row is dead") }
        switch strategy {
        case .rewrite: return rewrite("asked for")
        case .punch:
            return space.punchableBytes > 0 ? punch("asked for") : nothing("no dead run covers a whole disk block")
        case .auto:
            // Dead rows whose blocks were given back long ago are no reason to copy anything.
            let occupied = min(space.deadBytes, max(0, space.allocatedBytes - space.reservedBytes - needed))
            let mostlyPunchable = space.punchableBytes > 0 && space.punchableBytes >= occupied / 2
            if space.fragmentation < lowFragmentation && mostlyPunchable {
                return punch("few rows are dead, and they lie in runs of whole blocks")
            }
            if occupied * bytesCopiedForOne < space.liveBytes {
                return space.punchableBytes > 0
                    ? punch("copying the live rows would give too little back")
                    : nothing("copying the live rows would give too little back; `rewrite` does it all the same")
            }
            if freeBytes < needed {
                return space.punchableBytes > 0
                    ? punch("the disk has no room for a copy of the live rows")
                    : nothing("the disk has no room for a copy of the live rows; \(needed) bytes are needed")
            }
            let dead = Int((space.fragmentation * 100).rounded())
            return rewrite("\(dead) % of the rows are dead, and the disk has room for a copy of the live ones")
        }
    }
}
