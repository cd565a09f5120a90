#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// A place in the ranking of a search, after which the next page begins: ``VectorStore/cursor(after:)``.
///
/// It names the store, and the distance and the id of the last match. So it stays valid whatever is written to the
/// store, also if that match is deleted. Each page shows the newest state: a row that was put since appears if its place
/// is on a later page, and no row appears twice, unless its vector was replaced.
///
/// Its text consists of letters, digits, `-` and `_`.
public struct SearchCursor: Sendable, CustomStringConvertible {
    let store: [UInt8]
    let rank: RankBounds.Rank

    /// The version of the text's form. A text of this version begins with a letter, so that no command line takes it
    /// for an option.
    private static let version: UInt8 = 1
    /// The bytes before the id: the version, the UUID, the distance, and the kind of the id.
    private static let headBytes = 26
    private static let checksumBytes = 4

    init(_ store: [UInt8], _ rank: RankBounds.Rank) {
        self.store = store
        self.rank = rank
    }

    /// Reads the text of a cursor.
    ///
    /// - Throws: `invalidArgument` unless it is the text of a cursor, in every character.
    public init(_ text: String) throws(VectorStoreError) {
        var base64 = text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 }
        base64 += [Character](repeating: "=", count: (4 - base64.count % 4) % 4)
        guard let bytes = Data(base64Encoded: String(base64)).map(Array.init),
            bytes.count >= Self.headBytes + Self.checksumBytes, bytes[0] == Self.version,
            let rank = Self.rank(bytes[17..<bytes.count - Self.checksumBytes])
        else { throw Self.malformed(text) }
        self.init(Array(bytes[1..<17]), rank)
        // Also refuses a wrong checksum, and another spelling of the same bytes.
        if description != text { throw Self.malformed(text) }
    }

    private static func malformed(_ text: String) -> VectorStoreError {
        VectorStoreError(
            .invalidArgument,
            "'\(text.prefix(60))' is not a cursor",
            remedy: "pass the cursor of the last match as it was, or begin with the first page"
        )
    }

    /// The text, which ``init(_:)`` reads.
    public var description: String {
        var bytes = [Self.version] + store + Self.bytes(rank.distance.bitPattern)
        switch rank.id {
        case .integer(let integer): bytes += [0] + Self.bytes(UInt64(bitPattern: integer))
        case .text(let text): bytes += [1] + Array(text.utf8)
        case .null, .real: invariant(false, "an id is an integer or a text")
        }
        var checksum = Checksum()
        unsafe bytes.withUnsafeBytes { unsafe checksum.update($0) }
        bytes += Self.bytes(UInt64(checksum.value)).prefix(Self.checksumBytes)
        let characters = Data(bytes).base64EncodedString().map { $0 == "+" ? "-" : $0 == "/" ? "_" : $0 }
        return String(characters.filter { $0 != "=" })
    }

    /// The distance, and the id with its kind; nil if they are not those of a row.
    private static func rank(_ bytes: ArraySlice<UInt8>) -> RankBounds.Rank? {
        let distance = Double(bitPattern: number(bytes.prefix(8)))
        let id = bytes.dropFirst(9)
        if distance.isNaN { return nil }
        switch bytes[bytes.startIndex + 8] {
        case 0 where id.count == 8:
            return RankBounds.Rank(distance: distance, id: .integer(Int64(bitPattern: number(id))))
        case 1: return String(validating: id, as: UTF8.self).map { RankBounds.Rank(distance: distance, id: .text($0)) }
        default: return nil
        }
    }

    /// The eight bytes of a number, lowest first.
    private static func bytes(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Throws unless the cursor belongs to the store.
    func check(_ record: StoreRecord) throws(VectorStoreError) {
        guard store == record.uuidBytes, record.idKind.includes(rank.id) else {
            throw VectorStoreError(
                .invalidArgument,
                "the cursor belongs to another store than \(record.uuid.canonicalText)",
                remedy: "pass a cursor of this store, or begin with the first page"
            )
        }
    }
}

extension SearchCursor: Codable {
    /// Reads the text of a cursor.
    public init(from decoder: any Decoder) throws {
        try self.init(decoder.singleValueContainer().decode(String.self))
    }

    /// Writes the cursor as a text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
