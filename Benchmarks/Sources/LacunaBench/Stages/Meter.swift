import Measuring

/// The subject of a figure.
struct Subject: Hashable {
    let stage: StageName
    let work: String
    var ids: IDKind?
    /// A contender, with its way if it has several; or the machine itself.
    let who: String

    static let machine = "machine"
}

/// The result of one measurement.
struct Sample {
    /// The number of rows, or of calls if calls are measured.
    let count: Int
    let seconds: Double
    /// The bytes that the block device wrote, until everything was written.
    let deviceBytes: Int64?
    /// The bytes that were passed to write calls, for files of every kind.
    let writtenBytes: Int64?
    /// The anonymous memory that was added since before the store was opened.
    let memory: Int64?

    var secondsPerRow: Double { seconds / Double(count) }
    var rate: Double { Double(count) / seconds }
}

/// Reads the kernel's counters. Make it before a store is opened.
struct Meter {
    private let memory: Int64?

    init() {
        ProcessStatus.trimHeap()
        memory = ProcessStatus.anonymousMemory
    }

    /// - Parameter body: The work; it returns the time that counts.
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
