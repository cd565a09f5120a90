import CHeap
import Foundation

/// What the kernel counts of this process. Nil where there is no /proc.
package enum ProcessStatus {
    /// Resident anonymous memory in bytes: heap and stacks, without mapped files.
    package static var anonymousMemory: Int64? {
        number("RssAnon:", in: "/proc/self/status").map { $0 << 10 }
    }

    /// Bytes that this process had a block device write, of SQLite's files too. What counts is what becomes dirty, and
    /// whole folios of it: where the kernel caches a file in large ones, overwriting 4 KiB counts as up to 2 MiB, although
    /// the device writes no more than the blocks. For files that are written from end to end the number is right.
    package static var deviceBytesWritten: Int64? { number("write_bytes:", in: "/proc/self/io") }

    /// Bytes that this process has passed to write(2) and its like, whatever became of them.
    package static var bytesWritten: Int64? { number("wchar:", in: "/proc/self/io") }

    private static func number(_ key: String, in path: String) -> Int64? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) })
        else { return nil }
        return line.dropFirst(key.count).split { $0 == " " || $0 == "\t" }.first.flatMap { Int64($0) }
    }

    /// Hands what the allocator keeps for later back, so that it doesn't hide what is allocated next.
    package static func trimHeap() {
        heap_trim()
    }

    /// Waits until the kernel has written what is dirty, so that nobody pays for what came before.
    package static func syncDisks() { sync() }
}

/// Anonymous memory, in bytes, while something ran.
package struct MemoryUse: Sendable {
    /// Right before.
    package let baseline: Int64
    /// The most at any moment.
    package let peak: Int64

    /// What came on top.
    package var added: Int64 { peak - baseline }

    /// Calls `body`, and looks every few milliseconds from a thread of its own: a peak inside one long call is seen too.
    ///
    /// - Returns: What `body` returns, and the memory; nil where the system doesn't tell.
    package static func during<R>(_ body: () throws -> R) throws -> (result: R, memory: MemoryUse?) {
        guard let baseline = ProcessStatus.anonymousMemory else { return (try body(), nil) }
        let stop = StopSign()
        let watch = Worker("memory watch") {
            var peak = baseline
            // Once more after the end, for what is still there.
            while true {
                let isLast = stop.isRaised
                peak = max(peak, ProcessStatus.anonymousMemory ?? 0)
                if isLast { return peak }
                Thread.sleep(forTimeInterval: 0.003)
            }
        }
        let result = Result { try body() }
        stop.raise()
        let peak = try watch.join()
        return (try result.get(), MemoryUse(baseline: baseline, peak: peak))
    }
}
