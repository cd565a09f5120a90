import Foundation
import TestSupport
import Testing

/// The rooms above the lowest are folders of one module, which the compiler doesn't keep apart: this suite does.
@Suite struct ArchitectureTests {
    /// The floors from the bottom up; rooms of one floor don't know each other.
    static let floors = [
        ["Calls", "Counters", "VectorFile"], ["Index"], ["Log", "Changes"], ["Reading"], ["Writing"], ["Compaction"],
        ["Recovery", "Search"], ["Backup"],
        ["VectorStore"],
    ]

    /// The lowest rooms are targets, which the compiler keeps apart.
    static let targets = ["Platform", "SQLite"]

    private static let tests = Repository.root.appendingPathComponent("Tests/LacunaTests")
    private static let sources = Repository.root.appendingPathComponent("Sources/Lacuna")

    private static func files(_ room: String) throws -> [(name: String, text: String)] {
        let folder = sources.appendingPathComponent(room)
        return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
            .filter { $0.hasSuffix(".swift") }
            .map { ("\(room)/\($0)", code(try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8))) }
    }

    /// Removes comments and texts, where a name is not a use of the type.
    private static func code(_ text: String) -> String {
        text.replacing(/"""[\s\S]*?"""/, with: "\"\"")
            .replacing(/"(\\.|[^"\\\n])*"/, with: "\"\"")
            .replacing(/\/\/[^\n]*/, with: "")
            .replacing(/\/\*[\s\S]*?\*\//, with: "")
    }

    /// Finds the types that are not declared inside others; their declarations begin their lines.
    private static func types(_ text: String) -> [String] {
        let declaration =
            /(?:^|\n)(?:@\w+\s+)*(?:(?:public|package|internal|private|fileprivate|final|indirect)\s+)*(?:struct|class|enum|protocol|actor|typealias)\s+(\w+)/
        return text.matches(of: declaration).map { String($0.output.1) }
    }

    @Test func everyFolderIsARoom() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.sources.path)
        #expect(Set(folders.filter { !$0.contains(".") }) == Set(Self.floors.joined()))
    }

    /// A suite lies in the folder of the room that it tests.
    @Test func testsMirrorTheRooms() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.tests.path).filter { !$0.hasPrefix(".") }
        let expected = Set(Self.floors.joined()).union(Self.targets).union([
            "Crash", "Fixtures", "Support", "ArchitectureTests.swift",
        ])
        #expect(Set(names).subtracting(expected).isEmpty, "neither a room's name, nor Crash, Fixtures or Support")
    }

    /// No other test target declares a type with the name of one in `TestSupport`.
    @Test func noTypeOfTestSupportHasACopy() throws {
        func declared(_ folder: String) throws -> [String] {
            let folder = Repository.root.appendingPathComponent(folder)
            return try FileManager.default.subpathsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".swift") }
                .flatMap { Self.types(try String(contentsOf: folder.appendingPathComponent($0), encoding: .utf8)) }
        }
        let shared = try declared("Tests/TestSupport")
        #expect(shared.contains("TemporaryDirectory"))
        let others = ["KernelTests", "LacunaCLITests", "LacunaFormatsTests", "LacunaTests", "ReadingProcess"]
        for folder in others.map({ "Tests/\($0)" }) + ["Fuzz/Sources"] {
            #expect(Set(shared).intersection(try declared(folder)).isEmpty, "\(folder)")
        }
    }

    @Test func theRulesFindWhatTheyLookFor() {
        #expect(
            Self.types("/// A\n@safe\npackage final class Connection {\n    enum Mode {}\n}\nstruct B<T> {}") == [
                "Connection", "B",
            ]
        )
        #expect(Self.code("let a = \"VectorStore\" // VectorStore\n") == "let a = \"\" \n")
    }

    @Test func aRoomKnowsOnlyWhatStandsBelowIt() throws {
        var declared: [String: [String]] = [:]
        for room in Self.floors.joined() { declared[room] = try Self.files(room).flatMap { Self.types($0.text) } }
        #expect(
            declared["VectorStore"]?.contains("VectorStore") == true
                && declared["Index"]?.contains("StoreIndex") == true
        )
        var breaches: [String] = []
        for (floor, rooms) in Self.floors.enumerated() {
            for room in rooms {
                let hidden = Self.floors[floor...].joined().filter { $0 != room }
                for file in try Self.files(room) {
                    let words = Set(file.text.split { !$0.isLetter && !$0.isNumber && $0 != "_" }.map(String.init))
                    for other in hidden {
                        let used = (declared[other] ?? []).filter(words.contains)
                        breaches += used.map { "\(file.name) uses \($0) of \(other)" }
                    }
                }
            }
        }
        #expect(breaches.isEmpty, "\(breaches.joined(separator: "\n"))")
    }
}
