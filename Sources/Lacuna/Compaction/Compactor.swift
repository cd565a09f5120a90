/// Chooses a strategy and runs it.
struct Compactor {
    let maintenance: Maintenance

    func run(_ strategy: CompactionStrategy) throws -> CompactionReport {
        let start = ContinuousClock.now
        // An obstacle to the erasure doesn't prevent the compaction.
        _ = try Erasure(maintenance: maintenance).resume()
        var report =
            switch try plan(strategy) {
            case .rewrite: try Rewrite(maintenance: maintenance).run()
            case .inPlace: try InPlace(maintenance: maintenance).run()
            case .punch: try Punch(maintenance: maintenance).run()
            case .auto, nil: try unchanged()
            }
        // The compaction has succeeded, whatever becomes of the codes.
        do {
            report.acceleration = try CodesBuilder(maintenance: maintenance).runIfNeeded()
        } catch let error as VectorStoreError {
            report.accelerationError = error
        }
        report.duration = ContinuousClock.now - start
        report.longestWriterPause = maintenance.longestTurn
        return report
    }

    private func plan(_ strategy: CompactionStrategy) throws -> CompactionStrategy? {
        let index = maintenance.index
        let file = try maintenance.openCurrentFile()
        let isRead = CompactionPlan.isRead(maintenance.paths)
        return try index.connection.snapshot { () throws(VectorStoreError) in
            try CompactionPlan.make(strategy, index, file, maintenance.paths, isRead: isRead).strategy
        }
    }

    private func unchanged() throws -> CompactionReport {
        // Rows that an interrupted compaction has staged are removed too.
        try maintenance.removeStaleRows()
        return try maintenance.turn { session in
            let record = try session.index.record()
            let status = try session.currentFile().status()
            return CompactionReport(
                strategy: nil,
                liveRows: Int(record.liveRows),
                logicalBytesBefore: status.size,
                logicalBytesAfter: status.size,
                allocatedBytesBefore: status.allocated,
                allocatedBytesAfter: status.allocated,
                generation: record.generation
            )
        }
    }
}
