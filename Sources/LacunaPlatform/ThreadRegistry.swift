import CLacunaPlatform

/// Knows which threads are inside a closure or a call, so that a call that would wait for its own thread can fail
/// instead.
package final class ThreadRegistry: Sendable {
    private let depths = Guarded<[UInt64: Int]>([:])

    package init() {}

    package func enter() { depths.withLock { $0[lacuna_thread_number(), default: 0] += 1 } }

    package func leave() {
        depths.withLock { depths in
            let thread = lacuna_thread_number()
            let depth = depths[thread, default: 1] - 1
            depths[thread] = depth == 0 ? nil : depth
        }
    }

    /// The numbers of the threads.
    package var all: Set<UInt64> { depths.withLock { Set($0.keys) } }

    package var containsCurrentThread: Bool { depths.withLock { $0[lacuna_thread_number()] != nil } }
}
