import ArgumentParser
import Lacuna
import TestSupport
import Testing

@testable import LacunaCLI

/// People who type commands get the library's errors with commands in them.
@Suite struct RemedyTests {
    typealias Call = VectorStoreError.Remedy.Call

    @Test(arguments: Call.allCases) func everyCallHasACommand(_ call: Call) {
        let error = VectorStoreError(.busy, "it is wrong", remedy: "mend it with \(call)")
        #expect(CommandError(error)?.message == "it is wrong; mend it with \(call.command)")
        #expect(!call.command.contains("VectorStore") && !call.command.contains("("))
    }

    /// Each command that a remedy names exists, and takes the options that the remedy names with it.
    @Test(arguments: Call.allCases.filter { $0.command.hasPrefix("`lacuna ") })
    func theCommandIsThere(_ call: Call) throws {
        let words = call.command.split { " `".contains($0) }.map(String.init)
        let commands = LacunaCommand.configuration.subcommands
        let command = try #require(commands.first { $0.configuration.commandName == words[1] })
        let help = LacunaCommand.helpMessage(for: command)
        for option in words where option.hasPrefix("--") { #expect(help.contains(option), "\(call.command)") }
    }

    @Test func theOptionsAreThere() {
        let replacing = [PutCommand.self, ImportCommand.self] as [any ParsableCommand.Type]
        for command in replacing { #expect(LacunaCommand.helpMessage(for: command).contains("--replace")) }
        #expect(LacunaCommand.helpMessage(for: CompactCommand.self).contains("--deadline"))
    }

    @Test func commandsNameCommands() throws {
        let directory = try TemporaryDirectory()
        let store = try Fixture.store(directory, 3)
        try fail(65, "put", store, "1", saying: "; replace it with `--replace`, or", input: "[1,2,3]")
        try directory.flip("s/vectors-1.f32", at: 4096 + 12 + 5)
        try fail(76, "get", store, "2", saying: "; run `lacuna verify \(store)` to see what is damaged, then restore")
    }
}
