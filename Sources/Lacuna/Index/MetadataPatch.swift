/// A JSON merge patch (RFC 7396): its members replace those of the metadata, or remove them if they are `null`; objects
/// are merged member by member.
///
/// Members that the patch doesn't name keep their bytes and their places, with the white space around them. A changed
/// value stays in the place of the old one, and new members come last, in the patch's order and spelling.
///
/// SQLite's `json_patch` isn't used. At least up to 3.40 it takes `"a"` and `"\u0061"` for two keys, and so makes
/// metadata that have a key twice; and it drops all white space.
struct MetadataPatch {
    private enum Value {
        /// The number of an object in `objects`.
        case object(Int)
        /// The range of the text of any other value.
        case text(Range<Int>)
    }

    private struct Member {
        /// The range of the key's text, with its quotes.
        let key: Range<Int>
        /// Nil removes the member.
        let value: Value?
    }

    private struct Object {
        var members: [Member] = []
        /// The position in `members` of each key, unescaped.
        var positions: [[UInt8]: Int] = [:]
    }

    private let bytes: [UInt8]
    /// The patch itself comes first. Objects inside of arrays aren't listed: an array replaces a value as a whole.
    private var objects = [Object()]

    /// - Parameter json: An object that ``StoreIndex/checkPatch(_:)`` has accepted.
    init(_ json: String) {
        var cursor = JSONCursor(json)
        bytes = cursor.bytes
        cursor.skip(UInt8(ascii: "{"))
        var open = [0]
        while let object = open.last {
            cursor.skip(UInt8(ascii: ","))
            cursor.skipSpace()
            guard cursor.next == UInt8(ascii: "\"") else {
                cursor.advance()
                open.removeLast()
                continue
            }
            let start = cursor.place
            let content = cursor.skipString()
            let key = start..<cursor.place
            cursor.skip(UInt8(ascii: ":"))
            let value: Value?
            if cursor.skip(UInt8(ascii: "{")) {
                value = .object(objects.count)
                open.append(objects.count)
                objects.append(Object())
            } else {
                let range = cursor.skipValue()
                value = cursor.bytes[range].first == UInt8(ascii: "n") ? nil : .text(range)
            }
            objects[object].positions[JSONCursor.unescaped(cursor.bytes[content])] = objects[object].members.count
            objects[object].members.append(Member(key: key, value: value))
        }
    }

    /// The metadata after the patch. Takes time in proportion to their length and to that of the patch, however deep
    /// their objects are.
    ///
    /// - Parameter json: An object that ``StoreIndex/checkMetadata(_:for:)`` has accepted; nil is taken for `{}`.
    func applied(to json: String?) -> String {
        var merge = Merge(patch: self, cursor: JSONCursor(json ?? "{}"))
        return merge.result()
    }

    /// One pass over the metadata. The objects that both sides have are merged in a loop: the call stack would not do
    /// for a thousand of them inside one another.
    private struct Merge {
        /// An object of the result that isn't complete.
        private struct Open {
            /// The number of the patch's object for it.
            let object: Int
            /// Whether it is an object of the metadata too, in which the cursor is.
            let isInText: Bool
            var isEmpty = true
            /// For each member of the patch's object, whether the metadata had it.
            var isMet: [Bool]
            /// The member of the patch that may be added next.
            var next = 0
        }

        let patch: MetadataPatch
        var cursor: JSONCursor
        private var output: [UInt8] = []
        private var open: [Open] = []

        init(patch: MetadataPatch, cursor: JSONCursor) {
            self.patch = patch
            self.cursor = cursor
        }

        mutating func result() -> String {
            copySpace()
            begin(0)
            while let last = open.indices.last {
                if open[last].isInText && mergeMember(last) { continue }
                if !addMember(last) { end() }
            }
            copySpace()
            return String(decoding: output, as: UTF8.self)
        }

        /// Begins an object of the result. The cursor is at the value of the metadata that it takes the place of.
        private mutating func begin(_ object: Int) {
            let isInText = cursor.skip(UInt8(ascii: "{"))
            if !isInText { _ = cursor.skipValue() }
            begin(object, isInText: isInText)
        }

        private mutating func begin(_ object: Int, isInText: Bool) {
            output.append(UInt8(ascii: "{"))
            let isMet = [Bool](repeating: false, count: patch.objects[object].members.count)
            open.append(Open(object: object, isInText: isInText, isMet: isMet))
        }

        private mutating func end() {
            output.append(UInt8(ascii: "}"))
            if open.removeLast().isInText { cursor.skip(UInt8(ascii: "}")) }
            if open.last?.isInText == true { endMember() }
        }

        /// Takes over the next member of the metadata's object, or what the patch makes of it. Returns false if there is
        /// no other.
        private mutating func mergeMember(_ last: Int) -> Bool {
            let start = cursor.place
            cursor.skipSpace()
            guard cursor.next == UInt8(ascii: "\"") else {
                copy(from: start)
                return false
            }
            let key = cursor.skipString()
            cursor.skip(UInt8(ascii: ":"))
            cursor.skipSpace()
            let object = patch.objects[open[last].object]
            guard let position = object.positions[JSONCursor.unescaped(cursor.bytes[key])] else {
                beginMember(last)
                _ = cursor.skipValue()
                copy(from: start)
                endMember()
                return true
            }
            open[last].isMet[position] = true
            guard let value = object.members[position].value else {
                _ = cursor.skipValue()
                cursor.skip(UInt8(ascii: ","))
                return true
            }
            beginMember(last)
            copy(from: start)
            switch value {
            case .object(let inner): begin(inner)
            case .text(let range):
                _ = cursor.skipValue()
                output += patch.bytes[range]
                endMember()
            }
            return true
        }

        /// Adds the next member of the patch that the metadata don't have. Returns false if there is no other.
        private mutating func addMember(_ last: Int) -> Bool {
            let object = patch.objects[open[last].object]
            while open[last].next < object.members.count {
                let position = open[last].next
                open[last].next += 1
                guard !open[last].isMet[position], let value = object.members[position].value else { continue }
                beginMember(last)
                output += patch.bytes[object.members[position].key]
                output.append(UInt8(ascii: ":"))
                switch value {
                case .object(let inner): begin(inner, isInText: false)
                case .text(let range): output += patch.bytes[range]
                }
                return true
            }
            return false
        }

        private mutating func beginMember(_ last: Int) {
            if !open[last].isEmpty { output.append(UInt8(ascii: ",")) }
            open[last].isEmpty = false
        }

        /// Goes on to the next member of the metadata's object.
        private mutating func endMember() {
            copySpace()
            cursor.skip(UInt8(ascii: ","))
        }

        private mutating func copySpace() {
            let start = cursor.place
            cursor.skipSpace()
            copy(from: start)
        }

        private mutating func copy(from start: Int) { output += cursor.bytes[start..<cursor.place] }
    }
}
