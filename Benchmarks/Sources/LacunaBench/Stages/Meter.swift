import Measuring

/// What a figure is of.
struct Subject: Hashable {
    let stage: StageName
    let work: String
    var ids: IDKind?
    /// A contender, and how it does it where it has several ways; or the machine itself.
    let who: String

    static let machine = "machine"
}

/// What one measurement found.
struct Sample {
    /// Rows, or calls where a call is what counts.
    let count: Int
    let seconds: Double
    /// Of the block device, until all of it was written.
    let deviceBytes: Int64?
    /// Anonymous memory on top of what there was before the store was opened.
    let memory: Int64?
    /// As the store counts them.
    var writtenBytes: Int64?

    var secondsPerRow: Double { seconds / Double(count) }
    var rate: Double { Double(count) / seconds }
}

/// Takes what the kernel counts; to be made before a store is opened.
struct Meter {
    private let memory: Int64?

    init() {
        ProcessStatus.trimHeap()
        memory = ProcessStatus.anonymousMemory
    }

    /// - Parameter body: Returns the time that counts.
    func measure(_ count: Int, _ body: () throws -> Duration) rethrows -> Sample {
        ProcessStatus.syncDisks()
        let deviceBytes = ProcessStatus.deviceBytesWritten
        let duration = try body()
        ProcessStatus.syncDisks()
        ProcessStatus.trimHeap()
        return Sample(
            count: count,
            seconds: duration.seconds,
            deviceBytes: added(ProcessStatus.deviceBytesWritten, to: deviceBytes),
            memory: added(ProcessStatus.anonymousMemory, to: memory)
        )
    }

    private func added(_ now: Int64?, to before: Int64?) -> Int64? {
        now.flatMap { now in before.map { now - $0 } }
    }
}
