/// Chooses a strategy and runs it, under the writer's lock.
struct Compactor {
    let session: WriteSession
    let progress: ProgressHandler

    func run(_ strategy: CompactionStrategy) throws -> CompactionReport {
        let start = ContinuousClock.now
        let record = try session.index.record()
        let file = try session.currentFile()
        var report =
            switch try CompactionPlan.make(strategy, session.index, record, file, session.paths).strategy {
            case .rewrite: try Rewrite(session: session, progress: progress).run()
            case .punch: try Punch(session: session, progress: progress).run()
            case .auto, nil: try unchanged()
            }
        report.duration = ContinuousClock.now - start
        // Writers are held up for as long as the compaction takes.
        report.longestWriterPause = report.duration
        return report
    }

    private func unchanged() throws(VectorStoreError) -> CompactionReport {
        // Rows that an interrupted compaction staged are garbage too.
        try session.removeStaleRows()
        let record = try session.index.record()
        let status = try session.currentFile().status()
        return CompactionReport(
            strategy: nil,
            liveRows: Int(record.liveRows),
            logicalBefore: status.size,
            logicalAfter: status.size,
            allocatedBefore: status.allocated,
            allocatedAfter: status.allocated,
            generation: record.generation
        )
    }
}
