/// How a text index cuts texts into words.
public enum TextTokenizer: String, Sendable, CaseIterable {
    /// Words are runs of letters and digits of any script; case and diacritics don't count: `café` finds `CAFE`.
    case unicode
    /// The same, and endings of English words don't count either: `monitor` finds `monitoring`. The algorithm is that of
    /// M. F. Porter, *An algorithm for suffix stripping*, Program 14 (3), 1980.
    case porter
    /// Each three neighbouring characters are a word: finds parts of words, and texts in scripts without spaces, such as
    /// Chinese and Japanese. Words of fewer than three characters are not found.
    case trigram

    /// The value of FTS5's option `tokenize`.
    fileprivate var option: String {
        switch self {
        case .unicode: "unicode61 remove_diacritics 2"
        case .porter: "porter unicode61 remove_diacritics 2"
        case .trigram: "trigram"
        }
    }
}

/// The text index: a table of SQLite's FTS5 without content of its own, with one row for each row of the store that has
/// a text in one of the fields. Its `rowid` is the id in a store of integers, and otherwise a number in `text_ids`.
struct TextIndex: Equatable {
    let fields: [FilterPath]
    let tokenizer: TextTokenizer

    static let table = "metadata_words"
    /// The name of a temporary copy.
    static let copy = "lacuna_words"
    /// The tables in which FTS5 keeps the index, as FTS5 makes them.
    static let shadowTables = [
        "\(table)_data": "CREATE TABLE '\(table)_data'(id INTEGER PRIMARY KEY, block BLOB)",
        "\(table)_idx": "CREATE TABLE '\(table)_idx'(segid, term, pgno, PRIMARY KEY(segid, term)) WITHOUT ROWID",
        "\(table)_docsize": "CREATE TABLE '\(table)_docsize'(id INTEGER PRIMARY KEY, sz BLOB)",
        "\(table)_config": "CREATE TABLE '\(table)_config'(k PRIMARY KEY, v) WITHOUT ROWID",
    ]

    /// The names of all its tables.
    static let names = Set(shadowTables.keys).union([table])

    private static let mostFields = 8
    private static let beginning = "CREATE VIRTUAL TABLE \(table) USING fts5("

    /// - Throws: `invalidArgument` for no field or too many, a field given twice, and keys that can't be the names of
    ///   FTS5's columns.
    init(_ fields: [FilterPath], _ tokenizer: TextTokenizer) throws(VectorStoreError) {
        func refuse(_ problem: String, _ remedy: VectorStoreError.Remedy) -> VectorStoreError {
            VectorStoreError(.invalidArgument, problem, remedy: remedy)
        }
        guard (1...Self.mostFields).contains(fields.count) else {
            throw refuse("a text index on \(fields.count) fields can't be made", "name 1 to \(Self.mostFields) fields")
        }
        for field in fields where field.literal == nil || field.key.contains("\"") {
            throw refuse(
                "the field `\(field.key)` can't be in a text index",
                "a key in it has only ASCII letters and digits and the characters _-: @#$"
            )
        }
        let names = fields.map { $0.key.lowercased() }
        if let name = names.first(where: ["rank", "rowid", Self.table, Self.copy].contains) {
            throw refuse("the field `\(name)` can't be in a text index: FTS5 uses that name", "name another field")
        }
        if Set(names).count < names.count {
            throw refuse("two fields have the same name, apart from upper and lower case", "name each field once")
        }
        self.fields = fields
        self.tokenizer = tokenizer
    }

    /// The index that a statement in the schema makes; nil if it isn't one of ours.
    init?(sql: String) {
        guard sql.hasPrefix(Self.beginning),
            let tokenizer = TextTokenizer.allCases.first(where: { sql.hasSuffix(Self.ending($0)) })
        else { return nil }
        let columns = sql.dropFirst(Self.beginning.count).dropLast(Self.ending(tokenizer).count)
        let fields = columns.split(separator: ", ").map { try? FilterPath(key: String($0.dropFirst().dropLast())) }
        guard let index = try? TextIndex(fields.compactMap(\.self), tokenizer), index.sql == sql else { return nil }
        self = index
    }

    /// The statement that makes it.
    var sql: String { Self.beginning + columns + Self.ending(tokenizer) }

    /// The names of the columns, as SQL.
    var columns: String { fields.map { "\"\($0.key)\"" }.joined(separator: ", ") }

    private static func ending(_ tokenizer: TextTokenizer) -> String {
        ", content='', tokenize='\(tokenizer.option)')"
    }

    /// The text in each field of some metadata; nil if no field has a text.
    func texts(in json: String?) -> [SQLValue]? {
        guard let json else { return nil }
        let texts = fields.map { $0.text(in: json) }
        return texts.allSatisfy { $0 == nil } ? nil : texts.map { $0.map { .text($0) } ?? .null }
    }
}

extension FilterPath {
    /// The text at this place in metadata that SQLite has found valid; nil if there is none, or another value.
    ///
    /// SQLite's own functions read some escapes differently from version to version. But what is removed from a text
    /// index must be what was once put into it.
    func text(in json: String) -> String? {
        var cursor = JSONCursor(json)
        var keys = keys[...]
        guard cursor.skip(UInt8(ascii: "{")) else { return nil }
        while true {
            cursor.skip(UInt8(ascii: ","))
            cursor.skipSpace()
            guard cursor.next == UInt8(ascii: "\"") else { return nil }
            let key = JSONCursor.unescaped(cursor.bytes[cursor.skipString()])
            cursor.skip(UInt8(ascii: ":"))
            cursor.skipSpace()
            guard let wanted = keys.first, key.elementsEqual(wanted.utf8) else {
                _ = cursor.skipValue()
                continue
            }
            keys.removeFirst()
            if keys.isEmpty {
                guard cursor.next == UInt8(ascii: "\"") else { return nil }
                return String(decoding: JSONCursor.unescaped(cursor.bytes[cursor.skipString()]), as: UTF8.self)
            }
            guard cursor.skip(UInt8(ascii: "{")) else { return nil }
        }
    }
}
