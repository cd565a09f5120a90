import ArgumentParser
import Lacuna
import LacunaFormats

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

struct ReportCommand: StoreCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write one HTML page about a store.",
        discussion: .help(
            """
            The page shows the use of the disk, where the rows lie, what each compaction gave back, codes, indexes and the \
            schema. It needs no network and no script. A file that is no such page is not replaced.
            """,
            examples: [
                "lacuna report my.lacuna --html report.html",
                "lacuna report my.lacuna --html report.html --verify",
            ]
        )
    )

    @Argument(help: "The store's directory.", completion: .directory)
    var store: String

    @Option(name: .customLong("html"), help: ArgumentHelp("The page to write.", valueName: "file"), completion: .file())
    var path: String

    @Flag(help: "Read and check everything, as `verify` does, and list the damaged ids; exit 1 on damage.")
    var verify = false

    @OptionGroup var format: JSONOption

    func check() throws {
        try checkIsOutside(path, ofStore: store)
        if try !ReportPage.mayReplace(path) {
            throw CommandError(
                .cannotCreate,
                "'\(path)' exists, and no `lacuna report` has written it",
                remedy: "name another file, or remove this one"
            )
        }
    }

    func run<ID: CommandID>(on store: VectorStore<ID>, _ output: StandardOutput) throws {
        let file: LineWriter
        do { file = try LineWriter(path: path) } catch { throw CommandError.creating(error) }
        let page = ReportPage(
            store: self.store,
            date: Date(),
            overview: try store.overview(buckets: ReportMap.cells, limit: ReportPage.longestList),
            verification: verify ? VerifiedRows(try verified(store)) : nil
        )
        for line in page.html.markup.split(separator: "\n", omittingEmptySubsequences: false) {
            try file.append(String(line))
        }
        let bytes = try file.finish()
        try output.line(
            format.json
                ? JSONText.object(["bytes": JSONText(bytes)]) : "wrote \(singleLine(path)), \(byteText(Int64(bytes)))"
        )
        if let damage = page.damage {
            throw CommandError(verify ? .no : .damaged, damage, remedy: "\(singleLine(path)) says what was found")
        }
    }

    private func verified<ID: CommandID>(_ store: VectorStore<ID>) throws -> VerificationReport<ID> {
        let bar = ProgressBar("verifying")
        defer { bar.clear() }
        return try store.verify { progress in
            bar.update(progress.done, of: progress.total)
            try Interrupts.check(remedy: "no file was written; run the command again")
        }
    }
}
