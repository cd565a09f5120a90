import ArgumentParser
import Lacuna

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A command that is about one store.
protocol StoreNaming: ParsableCommand {
    /// The store's directory.
    var store: String { get }
}

/// A command on an existing store. It opens the store with the type of its ids, runs, and closes the store, even after
/// an error.
protocol StoreCommand: StoreNaming {
    var access: VectorStoreAccess { get }
    /// Refuses arguments that can be refused before the store is opened.
    func check() throws
    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws
}

extension StoreCommand {
    var access: VectorStoreAccess { .readOnly }

    func check() throws {}

    func run() throws { try runOnStore() }

    /// The default of `run`, for a command that calls it from a `run` of its own.
    func runOnStore() throws {
        try check()
        try (self as? any WaitingCommand)?.waiting.check()
        let output = StandardOutput()
        do {
            switch try patiently({ try VectorStoreInfo.read(at: store, isCancelled: Activity.isCancelled) }).idKind {
            case .integer: try open(Int64.self, output)
            case .text: try open(String.self, output)
            case .uuid: try open(UUID.self, output)
            }
        } catch {
            // The rows that were found before the error belong to the answer.
            try? output.flush()
            throw error
        }
        try output.flush()
    }

    private func patiently<R>(_ body: () throws -> R) throws -> R {
        if let command = self as? any WaitingCommand { try command.waiting.retry(body) } else { try body() }
    }

    private func open<ID: CommandID>(_: ID.Type, _ output: StandardOutput) throws {
        let options = VectorStoreOptions(logger: StandardErrorLog.logger, shouldCancel: Activity.isCancelled)
        let handle = try patiently { try VectorStore<ID>.open(at: store, access: access, options: options) }
        do { try run(on: handle, output) } catch {
            try? handle.close()
            throw error
        }
        try handle.close()
    }
}
