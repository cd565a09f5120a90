import ArgumentParser
import Lacuna
import Synchronization

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The part of the demo that dies: a rewrite whose process kills itself when half of the copy is on disk.
struct DemoCrashCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "demo-crash", shouldDisplay: false)

    @Argument(help: "The store's directory; its ids are integers.")
    var store: String

    func run() throws {
        let handle = try VectorStore<Int64>.open(at: store, .readWrite, HalfwayCrash())
        try handle.compact(.rewrite)
        throw CommandError(.inputOutput, "the compaction came to its end; give the store more rows")
    }
}

/// The system's file system, which ends the process with SIGKILL once half of a new file has been written.
private final class HalfwayCrash: FileSystemLayer {
    private struct Target {
        var descriptor: Int32 = -1
        var length: Int64 = 0
    }

    private let target = Mutex(Target())

    func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
        let descriptor = try below.open(name, in: directory, access)
        if access.creates { target.withLock { $0.descriptor = descriptor } }
        return descriptor
    }

    func allocate(_ descriptor: Int32, offset: Int64, length: Int64) throws(SystemError) {
        try below.allocate(descriptor, offset: offset, length: length)
        target.withLock { target in
            if target.descriptor == descriptor { target.length = offset + length }
        }
    }

    func write(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int64) throws(SystemError) -> Int {
        let target = target.withLock { $0 }
        let middle = target.length / 2
        guard target.descriptor == descriptor, target.length > 0, offset + Int64(bytes.count) >= middle else {
            return try unsafe below.write(descriptor, bytes, at: offset)
        }
        let half = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<Int(max(0, middle - offset))])
        _ = try unsafe below.write(descriptor, half, at: offset)
        kill(getpid(), SIGKILL)
        return half.count
    }
}
