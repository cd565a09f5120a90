extension CompactionPlan {
    /// Whether a reader, in this process or another, holds a state for longer than a moment.
    static func isRead(_ paths: StorePaths) -> Bool {
        // If the lock files can't be opened, nobody reads by them.
        guard let locks = try? EpochLocks(paths.directory, creates: false),
            let areFree = try? locks.areFree(within: 0.05)
        else { return false }
        return !areFree
    }

    /// The plan of `strategy` for this store now. The connection is in a transaction, so everything is read in one
    /// state.
    static func make(
        _ strategy: CompactionStrategy,
        _ index: StoreIndex,
        _ file: DataFile,
        _ paths: StorePaths,
        isRead: Bool
    ) throws(VectorStoreError) -> CompactionPlan {
        let record = try index.record()
        let isReembedding = try index.reembeddingGeneration() != nil
        if strategy == .rewrite && isReembedding {
            throw VectorStoreError(
                .busy,
                "a re-embedding was begun and not ended, and the store can't be rewritten before",
                remedy: """
                    go on with it (\(.reembed)), drop what it has done (\(.abortReembedding)), or compact in place with \
                    \(.compactInPlace)
                    """
            )
        }
        let live = try LiveBitmap.load(index, record)
        let free = try mapped(paths.directory.freeBytes())
        let space = try StoreSpace.measure(live, file, nil, paths)
        return try CompactionChoice(space, live, file, freeBytes: free, isRead: isRead, isReembedding: isReembedding)
            .plan(strategy)
    }
}

/// The cost and the gain of each strategy for a store, and the choice of the best one.
struct CompactionChoice {
    private let space: StoreSpace
    private let freeBytes: Int64
    private let isRead: Bool
    /// Whether a re-embedding was begun and not ended, which a rewrite would disturb.
    private let isReembedding: Bool
    /// The bytes of the live rows and the header.
    private let copyBytes: Int64
    /// The disk space that the data file occupies beyond the length that it will have after a compaction.
    private let reclaimableBytes: Int64
    /// The rows that a compaction in place moves, and the number of gaps into which they go.
    private let movedRows: Int
    private let movedBytes: Int64
    private let gapCount: Int
    /// The bytes of those gaps that have no blocks because they were punched.
    private let holeBytes: Int64
    private let blockSize: Int64

    /// Below this share of dead rows, releasing blocks is better than copying, if it can release most of their bytes.
    private static let lowFragmentation = 0.2
    /// Copying more than this many bytes for each byte that is given back isn't worth it, unless the caller has named
    /// the strategy.
    private static let bytesCopiedForOne: Int64 = 100

    init(
        _ space: StoreSpace,
        _ live: LiveBitmap,
        _ file: DataFile,
        freeBytes: Int64,
        isRead: Bool,
        isReembedding: Bool = false
    ) throws(VectorStoreError) {
        self.isReembedding = isReembedding
        self.space = space
        self.freeBytes = freeBytes
        self.isRead = isRead
        copyBytes = DataFileHeader.length + space.liveBytes
        // The compacted file keeps a reserve.
        let length =
            space.liveRows == 0
            ? copyBytes : Preallocation.compactLength(rowsEnd: copyBytes, stride: file.stride)
        reclaimableBytes = max(0, space.allocatedBytes - length)
        let end = Slot(live.liveCount)
        movedRows = live.liveCount - live.rank(end)
        movedBytes = Int64(movedRows) * file.stride
        var runs = 0
        live.forEachStretch(live: false) { if $0.lowerBound < end { runs += 1 } }
        gapCount = runs
        let places = file.layout.offsets(Slot(0)..<end)
        holeBytes = Int64(places.count) - file.dataBytes(in: places)
        blockSize = try file.status().blockSize
    }

    func plan(_ strategy: CompactionStrategy) -> CompactionPlan {
        if space.deadRows == 0 { return nothing("no row is dead") }
        switch strategy {
        case .rewrite: return rewrite("asked for")
        case .inPlace: return inPlace("asked for")
        case .punch:
            return space.punchableBytes > 0 ? punch("asked for") : nothing("no dead run covers a whole disk block")
        case .auto: return choose()
        }
    }

    // MARK: The choice

    /// The bytes of dead rows that still occupy disk. Dead rows whose blocks were given back are no reason to copy
    /// anything.
    private var occupiedBytes: Int64 {
        min(space.deadBytes, max(0, space.allocatedBytes - space.reservedBytes - copyBytes))
    }

    /// The bytes that moving rows makes the disk write. If a gap shares its first and last block with live rows, these
    /// whole blocks are written again.
    private var inPlaceCost: Int64 { movedBytes + 2 * Int64(gapCount) * blockSize }

    private func choose() -> CompactionPlan {
        let mostlyPunchable = space.punchableBytes > 0 && space.punchableBytes >= occupiedBytes / 2
        if !isRead && space.fragmentation < Self.lowFragmentation && mostlyPunchable {
            return punch("few rows are dead, and they lie in runs of whole blocks")
        }
        let dead = "\(Int((space.fragmentation * 100).rounded())) % of the rows are dead"
        if occupiedBytes * Self.bytesCopiedForOne < min(space.liveBytes, inPlaceCost) {
            return space.punchableBytes > 0
                ? punch("copying rows would give too little back")
                : nothing("copying rows would give too little back; `rewrite` does it all the same")
        }
        if freeBytes < copyBytes {
            return inPlace("\(dead), and the disk has no room for a copy of the live ones")
        }
        if isReembedding { return inPlace("\(dead), and a re-embedding was begun, which a rewrite would disturb") }
        if isRead {
            return rewrite("\(dead), and a reader holds on to an old state, for which a rewrite needn't wait")
        }
        if inPlaceCost <= copyBytes / 2 {
            return inPlace("\(dead), and moving \(movedRows) rows into the gaps costs less than copying all live ones")
        }
        return rewrite(
            "\(dead), and moving rows into gaps as scattered as these costs the disk nearly as much as a copy"
        )
    }

    private func rewrite(_ reason: String) -> CompactionPlan {
        CompactionPlan(
            strategy: .rewrite,
            reason: reason,
            movedRows: space.liveRows,
            writtenBytes: copyBytes,
            reclaimedBytes: reclaimableBytes,
            neededBytes: copyBytes
        )
    }

    private func inPlace(_ reason: String) -> CompactionPlan {
        CompactionPlan(
            strategy: .inPlace,
            reason: reason,
            movedRows: movedRows,
            writtenBytes: movedBytes,
            reclaimedBytes: reclaimableBytes,
            neededBytes: holeBytes
        )
    }

    private func punch(_ reason: String) -> CompactionPlan {
        CompactionPlan(strategy: .punch, reason: reason, reclaimedBytes: space.punchableBytes)
    }

    private func nothing(_ reason: String) -> CompactionPlan { CompactionPlan(strategy: nil, reason: reason) }
}
