import Foundation
import TestSupport
import Testing

@testable import LacunaFormats

/// The files of an export get their names together. The tests of the command show what is never overwritten.
@Suite struct OutputFilesTests {
    private func description(_ store: String = "a") -> ExportDescription {
        ExportDescription(
            store: store,
            dimension: 1,
            metric: "dot",
            ids: "integer",
            element: "float32",
            model: nil,
            modelVersion: nil,
            normalized: nil
        )
    }

    private func export(_ directory: TemporaryDirectory, _ text: String, store: String = "a") throws -> OutputFiles {
        let files = try OutputFiles(directory / "x.npy", [directory / "x.jsonl"], description(store))
        for file in files.files { try file.append(text.utf8) }
        return files
    }

    private func text(_ directory: TemporaryDirectory, _ name: String) throws -> String {
        String(decoding: try directory.read(name), as: UTF8.self)
    }

    @Test func nothingHasItsNameBeforeAllIsComplete() throws {
        let directory = try TemporaryDirectory()
        do {
            let files = try export(directory, "new")
            #expect(try directory.names() == files.files.map(\.partialName).sorted())
        }
        #expect(try directory.names().isEmpty, "dropped, as after an interrupt")
        #expect(try export(directory, "new").publish(rows: 3) > 6)
        #expect(try directory.names() == ["x.jsonl", "x.npy", "x.npy.store.json"])
        let read = try #require(try ExportDescription.read(beside: directory / "x.npy"))
        #expect(read.rows == 3 && read.files == ["x.npy", "x.jsonl"] && read.metadataFile == "x.jsonl")
    }

    /// The table above `OutputFiles`: an export that stops between its names leaves a description that says so, and the
    /// next one replaces all.
    @Test(arguments: [false, true])
    func aFailureBetweenTheNames(_ isReplacing: Bool) throws {
        let directory = try TemporaryDirectory()
        if isReplacing { _ = try export(directory, "old").publish(rows: 1) }
        do {
            let files = try export(directory, "new")
            // The second file's name can't be given.
            try? FileManager.default.removeItem(atPath: directory / "x.jsonl")
            try FileManager.default.createDirectory(atPath: directory / "x.jsonl", withIntermediateDirectories: false)
            #expect(throws: FormatError.self) { try files.publish(rows: 2) }
        }
        #expect(try directory.names() == ["x.jsonl", "x.npy", "x.npy.store.json"])
        #expect(try text(directory, "x.npy") == "new")
        #expect(try #require(try ExportDescription.read(beside: directory / "x.npy")).rows == nil)
        try FileManager.default.removeItem(atPath: directory / "x.jsonl")
        #expect(throws: FormatError.self, "of another store") { try export(directory, "other", store: "b") }
        _ = try export(directory, "last").publish(rows: 3)
        #expect(try ["x.npy", "x.jsonl"].map { try text(directory, $0) } == ["last", "last"])
        #expect(try #require(try ExportDescription.read(beside: directory / "x.npy")).rows == 3)
    }

    /// Somebody makes a file of that name after the export has looked.
    @Test(arguments: ["x.npy", "x.jsonl", "x.npy.store.json"])
    func aFileThatAppearsMeanwhileStays(_ name: String) throws {
        let directory = try TemporaryDirectory()
        do {
            let files = try export(directory, "new")
            _ = try directory.write(name, "mine")
            #expect(throws: FormatError.self) { try files.publish(rows: 2) }
        }
        #expect(throws: FormatError.self, "the next export knows that it isn't its own") {
            try export(directory, "last").publish(rows: 3)
        }
        #expect(try text(directory, name) == "mine")
    }

    @Test(arguments: ["", "{}", "[]", "{\"store\":1}", "not JSON", String(repeating: " ", count: 2 << 20)])
    func whatIsNoDescriptionIsRefused(_ text: String) throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("x.npy.store.json", text)
        #expect(throws: FormatError.self) { try ExportDescription.read(beside: directory / "x.npy") }
        #expect(throws: FormatError.self) { try export(directory, "new") }
        #expect(try directory.names() == ["x.npy.store.json"])
    }
}
