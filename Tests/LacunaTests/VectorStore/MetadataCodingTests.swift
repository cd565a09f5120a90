import Foundation
import Testing

@testable import Lacuna

/// Values become metadata, and metadata values.
@Suite struct MetadataCodingTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 1))
    }

    private static let uuid = UUID(
        uuid: (0xE6, 0x21, 0xE1, 0xF8, 0xC3, 0x6C, 0x49, 0x5A, 0x93, 0xFC, 0x0C, 0x24, 0x7A, 0x3E, 0x6E, 0x5F)
    )
    private static let lowerCase = "e621e1f8-c36c-495a-93fc-0c247a3e6e5f"

    // MARK: Dates

    private struct Event: Codable, Equatable { var made: Date }

    @Test(arguments: [
        (1_769_846_401.5, "2026-01-31T08:00:01.500Z"), (0, "1970-01-01T00:00:00.000Z"),
        (1_769_846_401.0005, "2026-01-31T08:00:01.001Z"), (1_769_846_401.000_49, "2026-01-31T08:00:01.000Z"),
        (-0.001, "1969-12-31T23:59:59.999Z"), (-62_135_596_800, "0001-01-01T00:00:00.000Z"),
        (253_402_300_799.999, "9999-12-31T23:59:59.999Z"),
    ])
    func datesAreOneTextWhereverTheyStand(_ seconds: Double, _ text: String) throws {
        let date = Date(timeIntervalSince1970: seconds)
        try store.put([1], for: 1, metadata: Event(made: date))
        #expect(try store.metadataJSON(for: 1) == #"{"made":"\#(text)"}"#)
        #expect(try store.ids(where: .field("made") == date) == [1])
        #expect(try store.ids(where: "metadata ->> 'made' = \(date)") == [1])
        let back = try #require(try store.metadata(for: 1, as: Event.self)).made
        #expect(abs(back.timeIntervalSince(date)) <= 0.000_51)
        // What was rounded once stays.
        try store.setMetadata(Event(made: back), for: 1)
        #expect(try store.metadataJSON(for: 1) == #"{"made":"\#(text)"}"#)
    }

    @Test func theOrderOfDatesIsThatOfTheirTexts() throws {
        let start = Date(timeIntervalSince1970: 1_796_040_000)
        let times = [0, 0.001, 0.5, 1, 59.999, 60].map { start.addingTimeInterval($0) }
        for (place, time) in times.enumerated() {
            try store.put([1], for: Int64(place), metadata: Event(made: time))
        }
        for (place, time) in times.enumerated() {
            #expect(try store.count(where: .field("made") >= time) == times.count - place)
            #expect(try store.count(where: .field("made") < time) == place)
        }
        #expect(try store.count(where: .field("made").between(times[1], times[3])) == 3)
    }

    @Test(arguments: [
        ("2026-01-31T08:00:01Z", 1_769_846_401), ("2026-01-31T08:00:01.5Z", 1_769_846_401.5),
        ("2026-01-31T08:00:01.123456789Z", 1_769_846_401.123456), ("2026-01-31T10:30:01+02:30", 1_769_846_401),
        ("2026-01-30T23:00:01.25-09:00", 1_769_846_401.25), ("2000-02-29T00:00:00Z", 951_782_400),
        ("0000-01-01T00:00:00.000Z", -62_167_219_200),
    ])
    func otherTimesOfISO8601AreRead(_ text: String, _ seconds: Double) throws {
        try store.put([1], for: 1, metadataJSON: #"{"made":"\#(text)"}"#)
        let made = Date(timeIntervalSince1970: seconds)
        #expect(try store.metadata(for: 1, as: Event.self) == Event(made: made))
    }

    @Test func numbersAreDatesOfEarlierVersions() throws {
        let event = Event(made: Date(timeIntervalSince1970: 1_769_846_401.5))
        let json = String(decoding: try JSONEncoder().encode(event), as: UTF8.self)
        try store.put([1], for: 1, metadataJSON: json)
        #expect(try store.metadata(for: 1, as: Event.self) == event)
    }

    @Test(arguments: [
        #""""#, #""2026-01-31""#, #""2026-01-31T08:00:01""#, #""2026-01-31 08:00:01Z""#, #""2026-1-31T08:00:01Z""#,
        #""2026-02-29T08:00:01Z""#, #""2026-13-01T08:00:01Z""#, #""2026-00-01T08:00:01Z""#, #""2026-01-00T08:00:01Z""#,
        #""2026-01-31T24:00:01Z""#, #""2026-01-31T08:60:01Z""#, #""2026-01-31T08:00:60Z""#, #""2026-01-31T08:00:01.Z""#,
        #""2026-01-31T08:00:01ZZ""#, #""2026-01-31T08:00:01+2:30""#, #""2026-01-31T08:00:01+02:60""#,
        #""+026-01-31T08:00:01Z""#, #""２０26-01-31T08:00:01Z""#, "true", "null", "[]",
    ])
    func whatIsNoTimeIsRefused(_ value: String) throws {
        try store.put([1], for: 1, metadataJSON: #"{"made":\#(value)}"#)
        #expect(throws: DecodingError.self) { try store.metadata(for: 1, as: Event.self) }
    }

    @Test(arguments: [-1e12, 1e12, Double.infinity, -Double.infinity, Double.nan])
    func datesWithoutATextAreRefused(_ seconds: Double) throws {
        let date = Date(timeIntervalSince1970: seconds)
        let error = expectError(.invalidMetadata) { try store.put([1], for: 1, metadata: Event(made: date)) }
        #expect(error?.cause is EncodingError)
        #expect(try store.count == 0)
    }

    // MARK: UUIDs

    /// A UUID in all places where a type can put one.
    private struct Places: Codable, Equatable {
        struct Inner: Codable, Equatable { var owner: UUID }
        class Base: Codable {
            var base = MetadataCodingTests.uuid
        }
        enum Choice: Codable, Equatable { case by(UUID, at: Date) }

        var owner = MetadataCodingTests.uuid
        var optional: UUID? = MetadataCodingTests.uuid
        var absent: UUID?
        var inner = Inner(owner: MetadataCodingTests.uuid)
        var list: [UUID?] = [MetadataCodingTests.uuid, nil]
        var inners = [Inner(owner: MetadataCodingTests.uuid)]
        var byName = ["camelCase": MetadataCodingTests.uuid]
        var byUUID = [MetadataCodingTests.uuid: [MetadataCodingTests.uuid]]
        var none: [UUID: Int] = [:]
        var choice = Choice.by(MetadataCodingTests.uuid, at: Date(timeIntervalSince1970: 0))
        var text = "E621E1F8"
    }

    private final class Derived: Places.Base {
        var own = MetadataCodingTests.uuid
        private enum Key: CodingKey { case own }
        override init() { super.init() }
        required init(from decoder: any Decoder) throws {
            own = try decoder.container(keyedBy: Key.self).decode(UUID.self, forKey: .own)
            try super.init(from: decoder.container(keyedBy: Key.self).superDecoder())
        }
        override func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(own, forKey: .own)
            try super.encode(to: container.superEncoder())
        }
    }

    @Test func uuidsAreInLowerCaseInAllPlaces() throws {
        let id = Self.lowerCase
        try store.put([1], for: 1, metadata: Places())
        #expect(
            try store.metadataJSON(for: 1) == """
                {"byName":{"camelCase":"\(id)"},"byUUID":["\(id)",["\(id)"]],\
                "choice":{"by":{"_0":"\(id)","at":"1970-01-01T00:00:00.000Z"}},"inner":{"owner":"\(id)"},\
                "inners":[{"owner":"\(id)"}],"list":["\(id)",null],"none":[],\
                "optional":"\(id)","owner":"\(id)","text":"E621E1F8"}
                """
        )
        #expect(try store.metadata(for: 1, as: Places.self) == Places())
        let json = try MetadataCoding().encode(Derived())
        #expect(json == #"{"own":"\#(id)","super":{"base":"\#(id)"}}"#)
        #expect(try MetadataCoding().encode(["owner": Self.uuid]) == #"{"owner":"\#(id)"}"#)
    }

    @Test func filtersFindUUIDsByValue() throws {
        try store.put([1], for: 1, metadata: Places())
        for filter: Filter in [
            .field("owner") == Self.uuid, .field("owner").in([Self.uuid]), .field("list").contains(Self.uuid),
            .field("inner", "owner") == Self.uuid, "metadata ->> 'owner' = \(Self.uuid)",
            "metadata ->> 'owner' IN \([Self.uuid])",
        ] {
            #expect(try store.ids(where: filter) == [1])
        }
        let path = scratch.path + "/uuids"
        let uuids = try VectorStore<UUID>.create(at: path, configuration: .init(dimension: 1))
        try uuids.put([1], for: Self.uuid, metadata: Places())
        #expect(try uuids.ids(where: .id == Self.uuid) == [Self.uuid])
        #expect(try uuids.ids(where: .field("id") == Self.uuid) == [Self.uuid])
        #expect(try uuids.ids(where: "id = \(Self.uuid)") == [Self.uuid])
        #expect(try uuids.ids(where: "id = metadata ->> 'owner'") == [Self.uuid])
    }

    /// Encoding through the wrapper gives what `JSONEncoder` gives, if no UUID is there.
    @Test func otherValuesAreEncodedAsEver() throws {
        struct All: Encodable {
            var bool = true, int = -1, byte = UInt8(255), large = UInt64.max, double = 0.1, float = Float(0.1)
            var text = "é/\"\u{1}", url = URL(string: "https://example.org/a?b=c"), decimal = Decimal(string: "1.25")
            var data = Data([0, 255]), absent: Int?, list: [Int?] = [1, nil], nested = [["a": [1.5]], [:]]
        }
        let encoder = MetadataCoding.makeEncoder()
        #expect(try MetadataCoding().encode(All()) == String(decoding: encoder.encode(All()), as: UTF8.self))
    }

    // MARK: One's own encoder

    private struct Note: Codable, Equatable {
        var madeAt: Date
        var theOwner: UUID
        var wordCounts: [String: Int]
    }

    @Test func encoderAndDecoderCanBeSet() throws {
        let coding = MetadataCoding(
            encoder: {
                let encoder = MetadataCoding.makeEncoder()
                encoder.keyEncodingStrategy = .convertToSnakeCase
                encoder.dateEncodingStrategy = .secondsSince1970
                return encoder
            },
            decoder: {
                let decoder = MetadataCoding.makeDecoder()
                decoder.keyDecodingStrategy = .convertFromSnakeCase
                decoder.dateDecodingStrategy = .secondsSince1970
                return decoder
            }
        )
        let path = scratch.path + "/own"
        let store = try VectorStore<Int64>.create(
            at: path,
            configuration: .init(dimension: 1),
            options: .init(metadataCoding: coding)
        )
        let note = Note(madeAt: Date(timeIntervalSince1970: 5), theOwner: Self.uuid, wordCounts: ["aB": 1])
        try store.put([1], for: 1, metadata: note)
        try store.write { try $0.setMetadata(note, for: 1) }
        // Keys of a dictionary are values, which the strategy leaves alone.
        let json = #"{"made_at":5,"the_owner":"\#(Self.lowerCase)","word_counts":{"aB":1}}"#
        #expect(try store.metadataJSON(for: 1) == json)
        for reader in [store, try .open(at: path, access: .readOnly, options: .init(metadataCoding: coding))] {
            #expect(try reader.search(for: [1], limit: 1, as: Note.self).map(\.metadata) == [note])
        }
    }
}
