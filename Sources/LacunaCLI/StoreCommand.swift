import ArgumentParser
import Lacuna

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A command on a store that is there: opens it with the ids it has, runs, closes it, however that ends.
protocol StoreCommand: ParsableCommand {
    /// The store's directory.
    var store: String { get }
    var access: VectorStoreAccess { get }
    /// What can be refused before the store is opened.
    func check() throws
    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws
}

extension StoreCommand {
    var access: VectorStoreAccess { .readOnly }

    func check() throws {}

    func run() throws { try runOnStore() }

    /// What `run` does, for a command that has a word to say about how it ends.
    func runOnStore() throws {
        try check()
        let output = StandardOutput()
        do {
            switch try VectorStoreInfo.read(at: store, isCancelled: { Interrupts.haveCome }).idKind {
            case .integer: try open(Int64.self, output)
            case .text: try open(String.self, output)
            case .uuid: try open(UUID.self, output)
            }
        } catch {
            // What was found before belongs to the answer.
            try? output.flush()
            throw error
        }
        try output.flush()
    }

    private func open<ID: CommandID>(_: ID.Type, _ output: StandardOutput) throws {
        let options = VectorStoreOptions(logger: StandardErrorLog.logger, isCancelled: { Interrupts.haveCome })
        let handle = try VectorStore<ID>.open(at: store, access, options)
        do { try run(on: handle, output) } catch {
            try? handle.close()
            throw error
        }
        try handle.close()
    }
}
