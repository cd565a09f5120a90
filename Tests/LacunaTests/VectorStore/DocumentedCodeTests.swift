import Foundation
import TestSupport
import Testing

/// The Swift code of the README, of the documents, of the DocC articles and of the doc comments compiles, as a program
/// that imports Lacuna: in Swift 6 mode, with warnings as errors.
///
/// A block after the comment `<!-- not compiled: the reason -->` is left out.
@Suite struct DocumentedCodeTests {
    /// What the code is given. Blocks may declare the same names for themselves.
    private static let inputs = """
        store: VectorStore<UUID>, path: String, backupPath: String, id: UUID, old: UUID, query: [Float], vector: [Float],
        other: [Float], embedding: [Float], more: [(UUID, [Float])], candidates: [UUID], section: String, seen: [UUID],
        year: Int, lastYear: Date, photo: Photo, logger: Logger
        """

    /// What blocks use and don't declare.
    private static let declarations = """
        struct Photo: Codable, Identifiable, Sendable { var id: UUID; var title: String; var taken: Date }
        struct Note: Codable, Sendable { var title: String }
        func vectors(of metadata: [String?]) throws -> [[Float]] { [] }
        """

    @Test func codeCompiles() throws {
        let pages = try ["README.md"] + ["docs", "Sources/Lacuna"].flatMap { try Self.files($0, ".md") }
        let targets = ["Lacuna", "LacunaPlatform", "LacunaSQLite"]
        let sources = try targets.flatMap { try Self.files("Sources/\($0)", ".swift") }
        let blocks = try pages.flatMap(CodeBlock.inPage) + sources.flatMap(CodeBlock.inComments)
        #expect(Set(blocks.map(\.file)).count >= 25, "files without code were found")
        let compiled = blocks.filter(\.isCompiled)
        let imports = Set(["import Foundation", "import Lacuna", "import Logging"] + compiled.flatMap(\.imports))
        let code = compiled.enumerated().map { $1.compiled("Block\($0)", Self.inputs) }
        let program = imports.sorted() + [Self.declarations] + code
        let directory = try TemporaryDirectory()
        let file = try directory.write("Code.swift", program.joined(separator: "\n"))
        let run = try Program("env", "swiftc").run(Self.arguments() + [file])
        #expect(run.status == 0, "\(run.error)")
    }

    private static func files(_ folder: String, _ suffix: String) throws -> [String] {
        try FileManager.default.subpathsOfDirectory(atPath: Repository.root.appendingPathComponent(folder).path)
            .filter { $0.hasSuffix(suffix) }.sorted().map { "\(folder)/\($0)" }
    }

    /// Where the compiler finds Lacuna and what it needs.
    private static func arguments() throws -> [String] {
        let products = Repository.products
        let names = try FileManager.default.contentsOfDirectory(atPath: products.path)
        let modules = names.filter { $0.hasPrefix("CLacuna") && $0.hasSuffix(".build") } + ["Modules"]
        let folders =
            modules.map { products.appendingPathComponent($0).path }
            + [Repository.root.appendingPathComponent("Sources/CLacunaSQLite").path]
        return ["-typecheck", "-parse-as-library", "-swift-version", "6", "-warnings-as-errors"]
            + ["-module-cache-path", products.appendingPathComponent("ModuleCache").path]
            + folders.flatMap { ["-I", $0] }
    }
}

/// A block of Swift code in a page or in a doc comment.
private struct CodeBlock {
    let file: String
    /// The number of its first line.
    let line: Int
    let lines: [String]
    var isCompiled = true

    private static func lines(_ file: String) throws -> [String] {
        try String(contentsOf: Repository.root.appendingPathComponent(file), encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
    }

    static func inPage(_ file: String) throws -> [CodeBlock] {
        let lines = try lines(file)
        return lines.indices.filter { lines[$0] == "```swift" }.map { index in
            let code = Array(lines[(index + 1)...].prefix { $0 != "```" })
            let isCompiled = index == 0 || !lines[index - 1].hasPrefix("<!-- not compiled: ")
            return CodeBlock(file: file, line: index + 2, lines: code, isCompiled: isCompiled)
        }
    }

    /// Code in a doc comment is indented.
    static func inComments(_ file: String) throws -> [CodeBlock] {
        let comments = try lines(file).map { $0.prefixMatch(of: /\s*\/\/\/(.*)/).map { String($0.output.1) } }
        func isCode(_ index: Int) -> Bool { comments[index]?.hasPrefix("     ") == true }
        return comments.indices.dropFirst().filter { isCode($0) && comments[$0 - 1]?.isEmpty == true }.map { index in
            let code = comments[index...].prefix { $0?.hasPrefix("     ") == true }
            return CodeBlock(file: file, line: index + 1, lines: code.map { String($0?.dropFirst(5) ?? "") })
        }
    }

    var imports: [String] { lines.filter { $0.hasPrefix("import ") } }

    /// The block as a type of its own: its declarations are members, and its statements the body of a function, which is
    /// asynchronous if they wait for something.
    func compiled(_ name: String, _ inputs: String) -> String {
        var (members, statements): ([String], [String]) = ([], [])
        var isDeclaration = false
        var wasDeclaration: Bool?
        for (offset, line) in lines.enumerated() {
            let begins = line.prefixMatch(of: /(?:@|struct |actor |class |final |enum |func |extension |\/\/\/)/) != nil
            let isMember = isDeclaration || begins
            let directive = "#sourceLocation(file: \"\(file)\", line: \(self.line + offset))"
            let place = isMember == wasDeclaration ? [] : [directive]
            wasDeclaration = isMember
            if isMember {
                members += place + [line.hasPrefix("func ") ? "static \(line)" : line]
                let opens = line.filter { $0 == "{" }.count > line.filter { $0 == "}" }.count
                isDeclaration = line != "}" && (isDeclaration || opens || line.hasPrefix("@") || line.hasPrefix("///"))
            } else {
                statements += place + [line.hasPrefix("import ") ? "" : line]
            }
        }
        let isAsynchronous = statements.contains { $0.contains("await ") }
        return """
            enum \(name) {
            \(members.joined(separator: "\n"))
            static func run(\(inputs)) \(isAsynchronous ? "async throws" : "throws") {
            \(statements.joined(separator: "\n"))
            #sourceLocation()
            \(names.map { "_ = \($0)" }.joined(separator: "\n"))
            }
            }
            """
    }

    /// What the block's own statements declare. The reader of a page may use it or not, so unused names are no warning.
    private var names: [String] {
        lines.flatMap { line -> [Substring] in
            guard let match = line.prefixMatch(of: /(?:let|var) (?:(\w+)|\(([^)]*)\))/) else { return [] }
            return match.output.1.map { [$0] } ?? match.output.2?.split(separator: /, */) ?? []
        }.map(String.init)
    }
}
