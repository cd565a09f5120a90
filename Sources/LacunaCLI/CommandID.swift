import Lacuna
import LacunaFormats

#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A type of id, with its spelling on the command line and in JSON.
protocol CommandID: VectorID {
    /// The keys of two ids are equal exactly if the index takes the ids for one: it compares texts as bytes, which
    /// `String` doesn't do.
    associatedtype UniqueKey: Hashable
    var uniqueKey: UniqueKey { get }
    /// Reads a word of the command line or a line of a file; nil if that is no such id.
    init?(spelling: String)
    init?(_ scalar: JSONScalar)
    var scalar: JSONScalar { get }
    /// Describes such ids, for an error.
    static var form: String { get }
}

extension CommandID {
    /// The id in output for people.
    var text: String {
        switch scalar {
        case .integer(let integer): String(integer)
        case .string(let string): singleLine(string)
        }
    }

    var jsonText: String { scalar.jsonText }

    /// Reads an argument. An id of another kind is a usage error.
    init(argument: String) throws(CommandError) {
        guard let id = Self(spelling: argument) else {
            throw .usage("'\(argument)' is not an id of this store", remedy: "give \(Self.form)")
        }
        self = id
    }

    /// Reads a line of a file. An id of another kind is an error in the file.
    init(line: String, at location: String) throws(CommandError) {
        guard let id = Self(spelling: line) else {
            throw .badData("\(location): '\(line.prefix(80))' is not an id of this store", remedy: "give \(Self.form)")
        }
        self = id
    }

    /// Reads a JSON value in a file.
    init(json: String, at location: String) throws {
        let scalar: JSONScalar
        do { scalar = try JSONScalar(parsing: json) } catch { throw error.at(location) }
        guard let id = Self(scalar) else {
            throw CommandError.badData(
                "\(location): \(json.prefix(80)) is not an id of this store",
                remedy: "give \(Self.form)"
            )
        }
        self = id
    }
}

extension Int64: CommandID {
    var uniqueKey: Int64 { self }
    init?(spelling: String) { self.init(spelling) }
    init?(_ scalar: JSONScalar) {
        guard case .integer(let integer) = scalar else { return nil }
        self = integer
    }
    var scalar: JSONScalar { .integer(self) }
    static var form: String { "integers of 64 bits" }
}

extension UUID: CommandID {
    var uniqueKey: UUID { self }
    init?(spelling: String) { self.init(uuidString: spelling) }
    init?(_ scalar: JSONScalar) {
        guard case .string(let string) = scalar else { return nil }
        self.init(spelling: string)
    }
    var scalar: JSONScalar { .string(uuidString.lowercased()) }
    static var form: String { "UUIDs (8-4-4-4-12 hexadecimal digits)" }
}

extension String: CommandID {
    var uniqueKey: UTF8Key { UTF8Key(text: self) }
    init?(spelling: String) { self = spelling }
    init?(_ scalar: JSONScalar) {
        guard case .string(let string) = scalar else { return nil }
        self = string
    }
    var scalar: JSONScalar { .string(self) }
    static var form: String { "texts (in JSON: strings)" }
}

/// Compares a text by its UTF-8 bytes: an é of one scalar and an é of two are two ids.
struct UTF8Key: Hashable {
    let text: String

    static func == (left: UTF8Key, right: UTF8Key) -> Bool { left.text.utf8.elementsEqual(right.text.utf8) }

    func hash(into hasher: inout Hasher) {
        for byte in text.utf8 { hasher.combine(byte) }
    }
}
