// Prints the public symbols of Lacuna, one a line: the type that a symbol belongs to, and its declaration. Fails if a
// symbol has no documentation.
//
//     swift surface.swift SYMBOL-GRAPHS

import Foundation

struct SymbolGraph: Decodable {
    struct Symbol: Decodable {
        struct Identifier: Decodable { var precise: String }
        struct Fragment: Decodable { var spelling: String }
        struct Comment: Decodable {}

        var identifier: Identifier
        var pathComponents: [String]
        var declarationFragments: [Fragment]
        var docComment: Comment?

        var path: String { pathComponents.joined(separator: ".") }

        var declaration: String {
            declarationFragments.map(\.spelling).joined().split { $0 == "\n" || $0 == " " }.joined(separator: " ")
        }
    }

    struct Relationship: Decodable {
        var kind: String
        var source: String
        var targetFallback: String?
    }

    var symbols: [Symbol]
    var relationships: [Relationship]
}

/// What nearly every type conforms to without saying so; a declaration says if it doesn't.
let implied: Set = ["Swift.Copyable", "Swift.Escapable", "Swift.SendableMetatype", "Swift.BitwiseCopyable"]

let folder = URL(filePath: CommandLine.arguments[1])
let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
let graphs = try files.filter { $0.lastPathComponent.hasSuffix(".symbols.json") }.map {
    try JSONDecoder().decode(SymbolGraph.self, from: Data(contentsOf: $0))
}
var conformances: [String: Set<String>] = [:]
for relationship in graphs.flatMap(\.relationships) where relationship.kind == "conformsTo" {
    if let name = relationship.targetFallback, !implied.contains(name) {
        conformances[relationship.source, default: []].insert(String(name.split(separator: ".").last ?? ""))
    }
}
let symbols = graphs.flatMap(\.symbols).sorted { ($0.path, $0.declaration) < ($1.path, $1.declaration) }
for symbol in symbols {
    let parent = symbol.pathComponents.dropLast().map { "\($0) " }.joined()
    let protocols = conformances[symbol.identifier.precise].map { " // " + $0.sorted().joined(separator: ", ") }
    print("\(parent)\(symbol.declaration)\(protocols ?? "")")
}

let undocumented = symbols.filter { $0.docComment == nil }
for symbol in undocumented {
    FileHandle.standardError.write(Data("no documentation: \(symbol.declaration)\n".utf8))
}
if !undocumented.isEmpty { exit(1) }
