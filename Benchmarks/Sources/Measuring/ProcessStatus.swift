import CHeap
import Foundation

/// The kernel's counters of this process. Nil if there is no /proc.
package enum ProcessStatus {
    /// Resident anonymous memory in bytes: heap and stacks, without mapped files.
    package static var anonymousMemory: Int64? {
        number("RssAnon:", in: "/proc/self/status").map { $0 << 10 }
    }

    /// The bytes that this process made a block device write, including SQLite's files. The kernel counts bytes that
    /// become dirty, in whole folios: if it caches a file in large folios, overwriting 4 KiB counts as up to 2 MiB,
    /// although the device writes only the blocks. For files that are written from end to end the number is right.
    package static var deviceBytesWritten: Int64? { number("write_bytes:", in: "/proc/self/io") }

    /// The bytes that this process has passed to write(2) and similar calls.
    package static var bytesWritten: Int64? { number("wchar:", in: "/proc/self/io") }

    private static func number(_ key: String, in path: String) -> Int64? {
        guard let text = try? String(contentsOfFile: path, encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix(key) })
        else { return nil }
        return line.dropFirst(key.count).split { $0 == " " || $0 == "\t" }.first.flatMap { Int64($0) }
    }

    /// Gives back the memory that the allocator keeps for later, so that it doesn't hide the next allocations.
    package static func trimHeap() {
        heap_trim()
    }

    /// Waits until the kernel has written all dirty pages, so that no measurement pays for earlier work.
    package static func syncDisks() { sync() }
}

/// Anonymous memory, in bytes, while something ran.
package struct MemoryUse: Sendable {
    /// The memory right before.
    package let baseline: Int64
    /// The largest amount at any moment.
    package let peak: Int64

    /// The memory that was added.
    package var added: Int64 { peak - baseline }

    /// Calls `body`, and checks the memory every few milliseconds on a thread of its own, so that a peak inside one
    /// long call is seen too.
    ///
    /// - Returns: The result of `body`, and the memory; nil if the system doesn't report it.
    package static func during<R>(_ body: () throws -> R) throws -> (result: R, memory: MemoryUse?) {
        guard let baseline = ProcessStatus.anonymousMemory else { return (try body(), nil) }
        let stop = StopSign()
        let watch = Worker("memory watch") {
            var peak = baseline
            // It checks once more after the end, for memory that is still used.
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
