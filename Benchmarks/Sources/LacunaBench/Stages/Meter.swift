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
    /// Passed to the system's calls, for files of every kind.
    let writtenBytes: Int64?
    /// Anonymous memory on top of what there was before the store was opened.
    let memory: Int64?

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
        let (deviceBytes, bytes) = (ProcessStatus.deviceBytesWritten, ProcessStatus.bytesWritten)
        let duration = try body()
        let writtenBytes = added(ProcessStatus.bytesWritten, to: bytes)
        ProcessStatus.syncDisks()
        ProcessStatus.trimHeap()
        return Sample(
            count: count,
            seconds: duration.seconds,
            deviceBytes: added(ProcessStatus.deviceBytesWritten, to: deviceBytes),
            writtenBytes: writtenBytes,
            memory: added(ProcessStatus.anonymousMemory, to: memory)
        )
    }

    private func added(_ now: Int64?, to before: Int64?) -> Int64? {
        now.flatMap { now in before.map { now - $0 } }
    }
}
