import Foundation

/// JSON text taken apart, with the spelling of everything, so that a merge patch is applied as RFC 7396 defines it.
indirect enum JSONTree {
    /// The white space is that behind the brace, if there are no members.
    case object([Member], space: String)
    /// Anything but an object.
    case text(String)

    struct Member {
        /// White space before the key, and after the value.
        var before = ""
        /// The key with its quotes, and what it means.
        let key: String
        let name: [UInt8]
        /// The colon, and the white space on both sides.
        var colon = ":"
        var value: JSONTree
        var after = ""
    }

    /// The function `MergePatch` of RFC 7396, section 2.
    static func merged(_ target: JSONTree?, _ patch: JSONTree) -> JSONTree {
        guard case .object(let changes, _) = patch else { return patch }
        var (members, space): ([Member], String) = ([], "")
        if case .object(let old, let oldSpace) = target { (members, space) = (old, oldSpace) }
        for change in changes {
            let index = members.firstIndex { $0.name == change.name }
            if case .text("null") = change.value {
                if let index { members.remove(at: index) }
            } else if let index {
                members[index].value = merged(members[index].value, change.value)
            } else {
                members.append(Member(key: change.key, name: change.name, value: merged(nil, change.value)))
            }
        }
        return .object(members, space: space)
    }

    /// What a patch makes of metadata.
    static func patched(_ json: String?, by patch: String) throws -> String {
        let (before, tree, after) = try JSONTreeParser.parse(json ?? "{}")
        return before + merged(tree, try JSONTreeParser.parse(patch).tree).text + after
    }

    var text: String {
        switch self {
        case .text(let text): return text
        case .object(let members, let space):
            let texts = members.map { $0.before + $0.key + $0.colon + $0.value.text + $0.after }
            return "{" + space + texts.joined(separator: ",") + "}"
        }
    }
}

/// Takes valid JSON text apart.
struct JSONTreeParser {
    private let bytes: [UInt8]
    private var place = 0

    private struct Unexpected: Error {
        let text: String
        let place: Int
    }

    /// The value, and the white space around it.
    static func parse(_ json: String) throws -> (before: String, tree: JSONTree, after: String) {
        var parser = JSONTreeParser(bytes: Array(json.utf8))
        let before = parser.space()
        let tree = try parser.value()
        let after = parser.space()
        if parser.place < parser.bytes.count { throw parser.unexpected }
        return (before, tree, after)
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var unexpected: Unexpected { Unexpected(text: String(decoding: bytes, as: UTF8.self), place: place) }

    private mutating func take(while belongs: (UInt8) -> Bool) -> String {
        let rest = bytes[place...].prefix(while: belongs)
        place = rest.endIndex
        return String(decoding: rest, as: UTF8.self)
    }

    private mutating func space() -> String { take { " \t\r\n".utf8.contains($0) } }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
        place += 1
        return true
    }

    private mutating func value() throws -> JSONTree {
        if take("{") { return try object() }
        if take("[") { return try array() }
        if take("\"") { return .text(try string()) }
        let word = take { !" \t\r\n,]}".utf8.contains($0) }
        if word.isEmpty { throw unexpected }
        return .text(word)
    }

    private mutating func object() throws -> JSONTree {
        var before = space()
        if take("}") { return .object([], space: before) }
        var members: [JSONTree.Member] = []
        repeat {
            if !members.isEmpty { before = space() }
            guard take("\"") else { throw unexpected }
            let key = try string()
            var colon = space()
            guard take(":") else { throw unexpected }
            colon += ":" + space()
            let value = try value()
            let name = Array(try JSONDecoder().decode(String.self, from: Data(key.utf8)).utf8)
            members.append(
                JSONTree.Member(before: before, key: key, name: name, colon: colon, value: value, after: space())
            )
        } while take(",")
        guard take("}") else { throw unexpected }
        return .object(members, space: "")
    }

    private mutating func array() throws -> JSONTree {
        var text = "[" + space()
        if take("]") { return .text(text + "]") }
        text += try value().text + space()
        while take(",") { text += "," + space() + (try value().text) + space() }
        guard take("]") else { throw unexpected }
        return .text(text + "]")
    }

    /// The string whose first quote was taken.
    private mutating func string() throws -> String {
        var text = "\""
        while true {
            text += take { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
            if take("\"") { return text + "\"" }
            guard take("\\"), place < bytes.count else { throw unexpected }
            text += "\\" + String(decoding: [bytes[place]], as: UTF8.self)
            place += 1
        }
    }
}
