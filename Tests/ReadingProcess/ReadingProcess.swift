import Foundation
import Lacuna
import Synchronization
import TestSupport

/// A process that keeps a store open and reads it, until its standard input ends.
///
/// All rows of a state carry the same stamp, in every component and in the metadata. The process prints a line with a
/// dot after each read. In the end it prints one JSON object: the number of reads, how many stamps and generations it
/// has seen, and the first thing that was wrong.
///
/// If the second argument is a number, the process opens and reads the store that many times instead, and goes on until
/// it has met a tenth as many states. Then it prints how often that succeeded, and the first thing that was wrong.
@main
struct ReadingProcess {
    private static let isDone = Atomic(false)

    static func main() throws {
        if CommandLine.arguments.count > 2 { return try open(Int(CommandLine.arguments[2]) ?? 0) }
        Thread {
            while let line = readLine() { _ = line }
            isDone.store(true, ordering: .relaxed)
        }.start()
        let store = try VectorStore<Int64>.open(at: CommandLine.arguments[1], access: .readOnly)
        var reads = 0
        var stamps: Set<Float> = []
        var generations: Set<Int64> = []
        var failure: String?
        while !isDone.load(ordering: .relaxed), failure == nil {
            do {
                let seen = try store.read { try look(at: $0) }
                stamps.insert(seen.stamp)
                generations.insert(seen.generation)
                reads += 1
                try FileHandle.standardOutput.write(contentsOf: Data(".\n".utf8))
            } catch { failure = "\(error)" }
        }
        let result: [String: Any] = [
            "reads": reads, "stamps": stamps.count, "generations": generations.count, "failure": failure ?? "",
        ]
        print(String(decoding: try JSONSerialization.data(withJSONObject: result), as: UTF8.self))
    }

    private static func open(_ count: Int) throws {
        var opens = 0
        var stamps: Set<Float> = []
        var failure = ""
        while opens < count || stamps.count < count / 10, failure.isEmpty {
            do {
                let store = try VectorStore<Int64>.open(at: CommandLine.arguments[1], access: .readOnly)
                stamps.insert(try store.read { try look(at: $0) }.stamp)
                try store.close()
                opens += 1
            } catch { failure = "\(error)" }
        }
        let result: [String: Any] = ["opens": opens, "failure": failure]
        print(String(decoding: try JSONSerialization.data(withJSONObject: result), as: UTF8.self))
    }

    private struct Torn: Error { let what: String }

    /// Reads one state in every way, and checks that the stamp is the same everywhere.
    private static func look(at snapshot: borrowing VectorStoreSnapshot<Int64>) throws -> (
        stamp: Float, generation: Int64
    ) {
        var stamps: Set<Float> = []
        var ids: [Int64] = []
        try snapshot.forEach { row in
            stamps.insert(Float(try StampedRows.stamp(row)))
            ids.append(row.id)
        }
        guard stamps.count == 1, let stamp = stamps.first else { throw Torn(what: "the stamps \(stamps)") }
        for id in ids {
            let isWhole = try snapshot.withVector(for: id) { row in row.indices.allSatisfy { row[$0] == stamp } }
            guard isWhole == true else { throw Torn(what: "row \(id) in place") }
        }
        guard try snapshot.ids() == ids, snapshot.count == ids.count else { throw Torn(what: "other ids") }
        return (stamp, snapshot.info.generation)
    }
}
