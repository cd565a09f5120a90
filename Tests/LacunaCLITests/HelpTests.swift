import ArgumentParser
import Foundation
import TestSupport
import Testing

@testable import LacunaCLI

/// Each command's help shows examples that can be typed, in lines that fit 80 columns.
@Suite struct HelpTests {
    private static let commands = LacunaCommand.configuration.subcommands.map { $0.configuration }
        .filter { $0.shouldDisplay }.compactMap { $0.commandName }

    private static func examples(_ command: String) -> [String] {
        let configuration = LacunaCommand.configuration.subcommands.map { $0.configuration }
            .first { $0.commandName == command }
        let lines = (configuration?.discussion ?? "").split(separator: "\n").map(String.init)
        return Array(lines.drop { $0 != String.exampleHeading }.dropFirst())
    }

    /// The words of the part of a shell's line that runs this program.
    private static func words(_ line: String) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line + " " {
            if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if "'\"".contains(character) {
                quote = character
                word = word ?? ""
            } else if character == " " {
                if let word { words.append(word) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        let command = words.split(separator: "|").first { $0.first == "lacuna" }.map(Array.init) ?? []
        return command.dropFirst().prefix { $0 != "<" && $0 != ">" }.map { $0 }
    }

    @Test(arguments: commands) func theExamplesCanBeTyped(_ command: String) throws {
        let examples = Self.examples(command)
        #expect(!examples.isEmpty)
        for example in examples {
            // In a man page, a line is indented by five columns more.
            #expect(example.columns <= 73, "\(example)")
            let words = Self.words(example)
            #expect(words.first == command)
            let parsed = try LacunaCommand.parseAsRoot(words)
            if let parsed = parsed as? any StoreCommand { try parsed.check() }
        }
    }

    @Test(arguments: commands + [""]) func theHelpFits(_ command: String) throws {
        let run = try succeed(["help", command].filter { !$0.isEmpty })
        for line in run.lines { #expect(line.columns <= 80, "\(line)") }
        #expect(run.text.contains("\nExamples:\n  "))
    }

    @Test func theInstalledSampleIsFound() throws {
        let directory = try TemporaryDirectory()
        let files = FileManager.default
        let sample = directory / "share/lacuna/packages"
        try files.createDirectory(atPath: sample, withIntermediateDirectories: true)
        try files.createDirectory(atPath: directory / "bin", withIntermediateDirectories: true)
        let script = try directory.write("share/lacuna/packages/demo", "#!/bin/sh\necho \"the tour: $0\"\n")
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script)
        let program = directory / "bin/lacuna"
        try files.copyItem(atPath: Program.lacuna.path, toPath: program)
        let run = try Program(program).run(["demo"])
        #expect(run.status == 0 && run.text.hasPrefix("the tour: ") && run.text.hasSuffix("packages/demo\n"), "\(run)")
    }
}
