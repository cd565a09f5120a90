import Lacuna

/// The operations that the stages use. The stages are generic over the store, so that each store gets loops of its own:
/// neither an existential nor an allocation of ours adds to the measured time.
protocol BenchmarkStore<ID>: Sendable {
    associatedtype ID: BenchmarkID
    associatedtype Reader: BenchmarkReader<ID>

    static var contender: Contender { get }
    /// The names of the store's ways to give space back.
    static var compactions: [String] { get }

    init(creating path: String, dimension: Int) throws
    init(opening path: String) throws

    /// Puts one row, which is durable when this returns.
    func put(_ vector: [Float], for id: ID) throws
    /// One transaction; durable when it returns.
    func put(_ vectors: [[Float]], for ids: [ID]) throws
    /// One transaction; durable when it returns.
    func delete(_ ids: [ID]) throws
    /// Makes a reader for one thread.
    func reader() throws -> Reader
    func compact(_ name: String) throws
    /// Closes the store, after its readers were closed.
    func close() throws
}

protocol BenchmarkReader<ID>: Sendable {
    associatedtype ID: BenchmarkID

    /// Calls `body` with the row in its place; nil if there is none. The store decides about the alignment.
    func withVector<R>(for id: ID, _ body: (UnsafeRawBufferPointer) -> R) throws -> R?
    /// Copies the row as a user of the store would; returns false if there is none.
    func copyVector(for id: ID, into copy: inout [Float]) throws -> Bool
    func close()
}

extension BenchmarkReader {
    func copyVector(for id: ID, into copy: inout [Float]) throws -> Bool {
        try withVector(for: id) { row in copy.withUnsafeMutableBytes { $0.copyMemory(from: row) } } != nil
    }
}

enum Contender: String, CaseIterable {
    case lacuna, lmdb, sqlite
}

/// An error of a peer's library.
struct StoreFailure: Error, CustomStringConvertible {
    let description: String

    init(_ call: String, _ message: UnsafePointer<CChar>?) {
        description = "\(call): \(message.map { String(cString: $0) } ?? "failed")"
    }
}
