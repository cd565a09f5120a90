import Foundation
import Hummingbird
import Lacuna
import Logging
import ServiceLifecycle

/// A vector store behind HTTP. One process writes and reads; any number of others read:
///
///     server write STORE 8080
///     server read STORE 8081
@main
struct Server {
    static func main() async throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, ["write", "read"].contains(arguments[1]), let port = Int(arguments[3]) else {
            return print("usage: server write|read STORE PORT")
        }
        let logger = Logger(label: "server")
        let store = try await open(arguments[2], writes: arguments[1] == "write", logger)
        let app = Application(
            router: Routes(store: store).router(),
            configuration: .init(address: .hostname("127.0.0.1", port: port)),
            onServerRunning: { channel in logger.info("ready on \(channel.localAddress?.port ?? port)") },
            logger: logger
        )
        // On SIGTERM the server answers what it has begun, and then the store is closed.
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = []
        services.append(.init(service: StoreService(store: store)))
        services.append(.init(service: app))
        let group = ServiceGroup(
            configuration: .init(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
        )
        try await group.run()
    }

    private static func open(_ path: String, writes: Bool, _ logger: Logger) async throws -> VectorStore<String> {
        guard writes else { return try await VectorStore.open(at: path, access: .readOnly) }
        return try await VectorStore.openOrCreate(
            at: path,
            configuration: .init(dimension: 4, metric: .cosine),
            options: .init(maintenance: .init(), logger: logger)
        )
    }
}

/// Closes the store when the server has ended: services end in the reverse of their order.
private struct StoreService: Service {
    let store: VectorStore<String>

    func run() async throws {
        try? await gracefulShutdown()
        try await store.close()
    }
}
