import Lacuna

/// What the stages ask of a store. They are generic over it, so that each store gets loops of its own: neither an
/// existential nor an allocation of ours stands between the clock and the store.
protocol BenchmarkStore<ID>: Sendable {
    associatedtype ID: BenchmarkID
    associatedtype Reader: BenchmarkReader<ID>

    static var contender: Contender { get }
    /// The ways to give space back, in the store's own words.
    static var compactions: [String] { get }

    init(creating path: String, dimension: Int) throws
    init(opening path: String) throws

    /// One row; durable when it returns.
    func put(_ vector: [Float], for id: ID) throws
    /// One transaction; durable when it returns.
    func put(_ vectors: [[Float]], for ids: [ID]) throws
    /// One transaction; durable when it returns.
    func delete(_ ids: [ID]) throws
    /// One thread's.
    func reader() throws -> Reader
    func compact(_ name: String) throws
    /// Once its readers are closed.
    func close() throws
}

protocol BenchmarkReader<ID>: Sendable {
    associatedtype ID: BenchmarkID

    /// Calls `body` with the row where it lies; nil if there is none. Its alignment is the store's affair.
    func withVector<R>(for id: ID, _ body: (UnsafeRawBufferPointer) -> R) throws -> R?
    /// Copies the row as a user of the store would; false if there is none.
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

/// What a peer's library answered instead of success.
struct StoreFailure: Error, CustomStringConvertible {
    let description: String

    init(_ call: String, _ message: UnsafePointer<CChar>?) {
        description = "\(call): \(message.map { String(cString: $0) } ?? "failed")"
    }
}
