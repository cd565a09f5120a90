#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

/// Says how a handle turns values into metadata, and metadata into values: ``VectorStoreOptions/metadataCoding``.
///
///     let coding = MetadataCoding(
///         encoder: {
///             let encoder = MetadataCoding.makeEncoder()
///             encoder.keyEncodingStrategy = .convertToSnakeCase
///             return encoder
///         },
///         decoder: {
///             let decoder = MetadataCoding.makeDecoder()
///             decoder.keyDecodingStrategy = .convertFromSnakeCase
///             return decoder
///         }
///     )
///
/// Filters bind a `Date` as the default encoder writes it. Whatever the encoder, a `UUID` is encoded as its text in lower
/// case, which is also what filters bind, and what ids are.
public struct MetadataCoding: Sendable {
    let makeEncoder: @Sendable () -> JSONEncoder
    let makeDecoder: @Sendable () -> JSONDecoder

    /// Makes a coding.
    ///
    /// - Parameters:
    ///   - encoder: Makes the encoder of one call. It must encode keys as filters name them.
    ///   - decoder: Makes the decoder of one call, which must understand what the encoder writes.
    public init(
        encoder: @escaping @Sendable () -> JSONEncoder = MetadataCoding.makeEncoder,
        decoder: @escaping @Sendable () -> JSONDecoder = MetadataCoding.makeDecoder
    ) {
        makeEncoder = encoder
        makeDecoder = decoder
    }

    /// Makes the default encoder. It sorts keys, and writes a date as a text in UTC, to the nearest millisecond and always
    /// with three decimals (`2026-11-30T12:00:01.500Z`), so that the order of the texts is that of the times. It throws
    /// for dates before the year 0 and after 9999.
    public static func makeEncoder() -> JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.dateEncodingStrategy = .custom { date, encoder in
            guard let text = date.utcText else {
                let context = EncodingError.Context(
                    codingPath: encoder.codingPath,
                    debugDescription: "the date is not in the years 0 to 9999"
                )
                throw EncodingError.invalidValue(date, context)
            }
            var container = encoder.singleValueContainer()
            try container.encode(text)
        }
        return encoder
    }

    /// Makes the default decoder. It reads dates as texts of ISO 8601, with decimals or without, and with any offset from
    /// UTC; and as numbers, the seconds since 2001 that earlier versions wrote.
    public static func makeDecoder() -> JSONDecoder {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .custom { decoder in
            let container = try decoder.singleValueContainer()
            guard let text = try? container.decode(String.self) else {
                return Date(timeIntervalSinceReferenceDate: try container.decode(Double.self))
            }
            guard let date = Date(utcText: text) else {
                throw DecodingError.dataCorruptedError(
                    in: container,
                    debugDescription: "'\(text.prefix(80))' is not a time such as 2026-11-30T12:00:01.500Z"
                )
            }
            return date
        }
        return decoder
    }

    // MARK: Values

    /// - Throws: `invalidMetadata`, with the encoder's error as its cause.
    func encode(_ metadata: some Encodable) throws(VectorStoreError) -> String {
        do {
            let json = try makeEncoder().encode(LowerCaseUUIDs(metadata))
            return String(decoding: json, as: UTF8.self)
        } catch {
            throw VectorStoreError(
                .invalidMetadata,
                "the metadata can't be encoded as JSON",
                remedy: "see the cause",
                cause: error
            )
        }
    }
}
