/// The text of a path, as filters in JSON and the command line have it: names with dots between them. A name with a dot,
/// or with a double quote at its beginning, is in double quotes, which are doubled inside.
extension FilterPath {
    package enum KeyError: Error {
        /// An empty name, or a quote that doesn't end.
        case malformed
        case tooLong
    }

    /// The SQL of a path grows with its names, and is written for each operator.
    static let mostNames = 16

    package init(key: String) throws(KeyError) {
        var names: [String] = []
        var rest = Substring(key).utf8
        repeat {
            let isQuoted = rest.first == UInt8(ascii: "\"")
            let name = isQuoted ? Self.quotedName(&rest) : Self.plainName(&rest)
            guard let name, isQuoted || !name.isEmpty,
                rest.isEmpty || rest.popFirst() == UInt8(ascii: ".") && !rest.isEmpty
            else { throw .malformed }
            if names.count == Self.mostNames { throw .tooLong }
            names.append(name)
        } while !rest.isEmpty
        self.init(names)
    }

    var key: String {
        keys.map { key in
            let isPlain = !key.isEmpty && !key.utf8.contains(UInt8(ascii: ".")) && key.utf8.first != UInt8(ascii: "\"")
            return isPlain ? key : "\"\(key.replacing("\"", with: "\"\""))\""
        }.joined(separator: ".")
    }

    private static func plainName(_ rest: inout Substring.UTF8View) -> String? {
        let name = rest.prefix { $0 != UInt8(ascii: ".") }
        rest = rest[name.endIndex...]
        return String(name)
    }

    /// Nil if the quote doesn't end.
    private static func quotedName(_ rest: inout Substring.UTF8View) -> String? {
        var name: [UInt8] = []
        rest.removeFirst()
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") {
                if rest.first != byte { return String(decoding: name, as: UTF8.self) }
                rest.removeFirst()
            }
            name.append(byte)
        }
        return nil
    }
}

extension FilterPath: Equatable {
    /// Compares keys by their bytes, as SQLite does.
    package static func == (left: FilterPath, right: FilterPath) -> Bool {
        left.keys.elementsEqual(right.keys) { $0.utf8.elementsEqual($1.utf8) }
    }
}
