import Dispatch

/// Runs asynchronous calls on a bounded number of threads of its own, in the order in which they come.
///
/// No thread of Swift's concurrency blocks: a task waits here as a continuation. A thread begins when there is work, and
/// ends when there is none.
final class CallQueue: Sendable {
    private struct State {
        var waiting: [Job] = []
        /// The number of jobs at the beginning of `waiting` that were taken.
        var taken = 0
        var running = 0
        /// Whether a task's own thread does short work.
        var isBusyHere = false
        /// Serial queues that no thread works for.
        var idle: [DispatchQueue] = []

        mutating func next() -> Job? {
            if taken == waiting.count {
                running -= 1
                return nil
            }
            defer {
                taken += 1
                if taken == waiting.count { (waiting, taken) = ([], 0) }
            }
            return waiting[taken]
        }
    }

    private let label: String
    private let limit: Int
    private let beginsInTurn: Bool
    private let state = Guarded(State())

    /// - Parameters:
    ///   - limit: The largest number of threads.
    ///   - beginsInTurn: See ``AsyncCall/beginsInTurn``.
    init(_ label: String, limit: Int, beginsInTurn: Bool = false) {
        self.label = label
        self.limit = limit
        self.beginsInTurn = beginsInTurn
    }

    /// Calls `work` on a thread of this queue. If the task is cancelled before ``AsyncCall/begin()``, this throws
    /// `CancellationError` at once, and the work does nothing; after that, the work ends when it notices.
    ///
    /// - Parameter isShort: Whether waking a thread takes longer than the work. Then it runs on the task's own thread,
    ///   unless other short work does: so other tasks wait for one such call at most.
    /// - Parameter isCancellable: Whether the task's cancellation counts. It doesn't for what puts things in order, which
    ///   a cancelled task does last.
    func run<R>(
        isShort: Bool = false,
        isCancellable: Bool = true,
        _ work: sending @escaping () throws -> sending R
    ) async throws -> sending R {
        let call = AsyncCall(beginsInTurn: beginsInTurn)
        let job = JobOf(call, work)
        return try await withTaskCancellationHandler {
            if isShort, beginHere(call) {
                defer { state.withLock { $0.isBusyHere = false } }
                return try job.result()
            }
            // ThreadSanitizer doesn't see that a continuation orders two threads if it is resumed before the task waits.
            defer { job.answer.withLock { _ in } }
            return try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<R, any Error>) in
                job.answer.withLock { $0 = continuation }
                if call.wait(orGiveUpBy: { job.giveUp() }) { enqueue(job) } else { job.giveUp() }
            }
        } onCancel: {
            if isCancellable { call.cancel() }
        }
    }

    /// Whether a task's own thread may do the work of a call. Then it must note when that work has ended.
    private func beginHere(_ call: AsyncCall) -> Bool {
        state.withLock { state in
            if state.isBusyHere { return false }
            state.isBusyHere = true
            call.cores = max(1, AsyncCalls.cores / (state.running + 1))
            return true
        }
    }

    private func enqueue(_ job: Job) {
        let thread = state.withLock { state -> DispatchQueue? in
            state.waiting.append(job)
            if state.running == limit { return nil }
            state.running += 1
            return state.idle.popLast() ?? DispatchQueue(label: label)
        }
        thread?.async { [self] in
            while let (job, running) = next(thread) {
                job.call.cores = max(1, AsyncCalls.cores / running)
                job.perform()
            }
        }
    }

    /// The next job, and the number of threads that work; nil if there is none: then the thread ends.
    private func next(_ thread: DispatchQueue?) -> (Job, Int)? {
        state.withLock { state in
            if let job = state.next() { return (job, state.running) }
            if let thread { state.idle.append(thread) }
            return nil
        }
    }
}

/// A call that waits for a thread.
private class Job: @unchecked Sendable {
    let call: AsyncCall

    init(_ call: AsyncCall) { self.call = call }

    func perform() {}
}

/// `@unchecked Sendable`: the caller sends the work, and one thread takes it out, after the queue's mutex has ordered the
/// two.
private final class JobOf<R>: Job, @unchecked Sendable {
    let answer = Guarded<CheckedContinuation<R, any Error>?>(nil)
    private var work: () throws -> sending R

    init(_ call: AsyncCall, _ work: sending @escaping () throws -> sending R) {
        self.work = work
        super.init(call)
    }

    func giveUp() { takeAnswer()?.resume(throwing: CancellationError()) }

    /// Does the work on this thread. The work, and the store that it holds, are released before the task goes on, which
    /// may open the store again.
    func result() throws -> sending R {
        // A write that is refused before its turn never begins: its call would keep this job for ever.
        defer {
            work = { throw CancellationError() }
            try? call.begin()
        }
        do {
            nonisolated(unsafe) let result = try AsyncCall.$current.withValue(call) { [call, work] in
                if !call.beginsInTurn { try call.begin() }
                return try work()
            }
            return unsafe result
        } catch {
            let isCancelled = call.isCancelled && (error as? VectorStoreError)?.code == .cancelled
            throw isCancelled ? CancellationError() : error
        }
    }

    override func perform() {
        do {
            let result = try result()
            takeAnswer()?.resume(returning: result)
        } catch { takeAnswer()?.resume(throwing: error) }
    }

    private func takeAnswer() -> CheckedContinuation<R, any Error>? {
        answer.withLock { answer in
            defer { answer = nil }
            return answer
        }
    }
}
