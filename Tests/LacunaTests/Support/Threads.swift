import Foundation
import Synchronization

/// Runs blocking work on a thread of its own, and waits for it without blocking one of Swift's cooperative threads.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try body() }) }.start()
    }
}

/// Does long work item by item on two threads of its own, not on Swift's cooperative threads, which other tests need.
func onTwoThreads<Item: Sendable, R: Sendable>(
    _ items: [Item],
    _ body: @escaping @Sendable (Item) throws -> R
) async throws -> [(item: Item, result: R)] {
    let next = Counter()
    return try await withThrowingTaskGroup(of: [(item: Item, result: R)].self) { group in
        for _ in 0..<2 {
            group.addTask {
                try await onThread {
                    var results: [(item: Item, result: R)] = []
                    while true {
                        let index = next.take()
                        guard index < items.count else { return results }
                        results.append((items[index], try body(items[index])))
                    }
                }
            }
        }
        return try await group.reduce(into: []) { $0 += $1 }
    }
}

private final class Counter: Sendable {
    private let value = Atomic(0)
    func take() -> Int { value.add(1, ordering: .relaxed).oldValue }
}
