import ArgumentParser
import Foundation
import Lacuna
import Measuring

/// Measures backups beside a writer that never stops, and a plain copy of the same bytes.
struct BackupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "backup",
        abstract: "Measures backups of a store in use, whole and incremental, beside copying its files."
    )

    @Option(help: "Rows of the store.")
    var rows = 100_000

    @Option(help: "Components of a row.")
    var dimension = 384

    @Option(help: "How often each is measured; medians are told.")
    var runs = 5

    @Option(help: "The directory whose disk is measured.")
    var directory: String?

    @Flag(help: "Print one JSON object a line.")
    var json = false

    private static let batch: Int64 = 1_000

    func run() throws {
        let output = Output(json: json)
        try Scratch.with(in: directory) { scratch in
            let path = scratch.path + "/store"
            let pool = VectorPool(dimension: dimension)
            let store = try VectorStore<Int64>.create(at: path, configuration: .init(dimension: dimension))
            for first in stride(from: Int64(1), through: Int64(rows), by: Int(Self.batch)) {
                try store.write { batch in
                    for id in first..<min(first + Self.batch, Int64(rows) + 1) {
                        try batch.put(pool.vector(for: id), for: id)
                    }
                }
            }
            try measureWhole(store, path, scratch, output)
            try measureIncremental(store, pool, scratch, output)
            try store.close()
        }
        output.summary()
    }

    private func measureWhole(
        _ store: VectorStore<Int64>,
        _ path: String,
        _ scratch: Scratch,
        _ output: Output
    ) throws {
        var ratios: [Double] = []
        for _ in 0..<runs {
            let copied = try scratch.withPath("copy") { copy in try timed { try copyFiles(path, to: copy) } }
            let (quiet, _) = try back(store, up: scratch)
            let writer = Writer(store, Int64(rows))
            let (busy, report) = try back(store, up: scratch)
            let writes = try writer.stop()
            ratios.append(copied.seconds / quiet.seconds)
            output.measurement(
                "whole",
                [
                    "plain_copy": .seconds(copied.seconds), "backup": .seconds(quiet.seconds),
                    "beside_a_writer": .seconds(busy.seconds), "rows": .count(report.rows), "writes": .count(writes),
                ]
            )
        }
        output.limit(
            "a backup's speed ÷ that of copying and syncing the files",
            atLeast: .ratio(0.75),
            measured: .ratio(ratios.median)
        )
    }

    /// Makes a backup, and removes it afterwards.
    private func back(_ store: VectorStore<Int64>, up scratch: Scratch) throws -> (Duration, BackupReport) {
        try scratch.withPath("backup") { path in
            let report = try store.backup(to: path)
            // The backup must be whole, and of one state.
            let backup = try VectorStore<Int64>.open(at: path, access: .readOnly)
            guard try backup.count == report.rows else { throw ValidationError("the backup has other rows") }
            try backup.close()
            return (report.duration, report)
        }
    }

    private func copyFiles(_ path: String, to copy: String) throws {
        try FileManager.default.createDirectory(atPath: copy, withIntermediateDirectories: false)
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            let target = try PlainFile(creating: copy + "/" + name)
            try target.copy(PlainFile(reading: path + "/" + name))
            try target.sync()
        }
    }

    private func measureIncremental(
        _ store: VectorStore<Int64>,
        _ pool: VectorPool,
        _ scratch: Scratch,
        _ output: Output
    ) throws {
        let path = scratch.path + "/incremental"
        try store.backup(to: path)
        var shares: [Double] = []
        var next = Int64(rows) * 10
        for _ in 0..<runs {
            try store.write { batch in
                for _ in 0..<max(1, rows / 100) {
                    try batch.put(pool.vector(for: next), for: next)
                    next += 1
                }
            }
            let report = try store.backup(to: path, incremental: true)
            let index = try FileManager.default.attributesOfItem(atPath: path + "/index.sqlite")[.size] as? Int64 ?? 0
            let share = Double(report.copiedBytes - index) / Double(report.copiedBytes - index + report.sharedBytes)
            shares.append(report.isIncremental ? share : 1)
            output.measurement(
                "incremental",
                [
                    "backup": .seconds(report.duration.seconds), "data": .bytes(report.copiedBytes - index),
                    "index": .bytes(index), "share": .ratio(share),
                ]
            )
        }
        output.limit(
            "bytes of the data file that an incremental backup writes after 1 % was appended ÷ its bytes",
            atMost: .ratio(0.03),
            measured: .ratio(shares.median)
        )
    }
}

/// A thread that replaces rows, each in a durable commit of its own, until it is stopped.
private final class Writer: Sendable {
    private let queue = DispatchQueue(label: "writer")
    private let group = DispatchGroup()
    private let state: Shared

    /// What the thread and its owner share.
    private final class Shared: @unchecked Sendable {
        // @unchecked: used only under the lock.
        let lock = NSLock()
        var isStopped = false
        var writes = 0
        var failure: (any Error)?
    }

    init(_ store: VectorStore<Int64>, _ rows: Int64) {
        let state = Shared()
        self.state = state
        queue.async(group: group) {
            var random = SplitMix(seed: 1)
            while !state.lock.withLock({ state.isStopped }) {
                do {
                    let id = Int64.random(in: 1...rows, using: &random)
                    guard let vector = try store.vector(for: id) else { continue }
                    try store.put(vector, for: id, replacing: true)
                    state.lock.withLock { state.writes += 1 }
                } catch { return state.lock.withLock { state.failure = error } }
            }
        }
    }

    /// Stops the thread, waits for its end, and returns the number of rows that it wrote.
    func stop() throws -> Int {
        state.lock.withLock { state.isStopped = true }
        group.wait()
        return try state.lock.withLock {
            if let failure = state.failure { throw failure }
            return state.writes
        }
    }
}
