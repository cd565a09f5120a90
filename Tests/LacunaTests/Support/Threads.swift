import Foundation

/// Runs what blocks on a thread of its own, and waits for it without blocking one of Swift's cooperative threads.
func onThread<R: Sendable>(_ body: @escaping @Sendable () throws -> R) async throws -> R {
    try await withCheckedThrowingContinuation { continuation in
        Thread { continuation.resume(with: Result { try body() }) }.start()
    }
}
