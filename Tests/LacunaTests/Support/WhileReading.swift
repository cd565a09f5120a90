import Foundation
import Lacuna

/// Calls `body` while another thread is inside a `read` of a handle.
func whileReading<ID: VectorID>(_ store: VectorStore<ID>, _ body: () throws -> Void) throws {
    let isInside = DispatchSemaphore(value: 0)
    let mayEnd = DispatchSemaphore(value: 0)
    let hasEnded = DispatchSemaphore(value: 0)
    Thread {
        try? store.read { _ in
            isInside.signal()
            mayEnd.wait()
        }
        hasEnded.signal()
    }.start()
    isInside.wait()
    defer {
        mayEnd.signal()
        hasEnded.wait()
    }
    try body()
}
