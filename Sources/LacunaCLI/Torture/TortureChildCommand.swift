import ArgumentParser
import Lacuna

/// The process that `torture` kills. It makes one call after the other until it dies, and prints a line before each
/// call and after it. Without `--after` it recovers the store, and ends.
struct TortureChildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "torture-child", shouldDisplay: false)

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Option(help: "The seed of the calls.")
    var seed: UInt64

    @Option(help: "The number of calls already made on the store.")
    var after: Int?

    func run() throws {
        let output = StandardOutput()
        try output.lineNow(TortureLine.open.text)
        if let after {
            try TortureWorker(store, TortureWorkload(seed: seed), output).run(after: after)
        } else {
            let report = try VectorStoreRecovery.recover(at: store)
            if let damage = report.damage { throw damage }
            if report.state == .recovered { try output.lineNow(TortureLine.recovered.text) }
        }
    }
}
