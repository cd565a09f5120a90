#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The bytes of a source from its beginning to its end, through a buffer that holds the part under way.
package final class BufferedInput {
    /// The most bytes that are read at a time. Fuzzing reads fewer, so that rows are cut everywhere.
    @TaskLocal package static var chunkBytes = 1 << 20

    let path: String
    private let file: InputFile
    private var chunk: [UInt8] = []
    /// The bytes that were read, without most of those that were used.
    private(set) var bytes: [UInt8] = []
    /// The position in `bytes` of the first byte that wasn't used.
    private(set) var start = 0
    private var fileOffset = 0

    /// - Throws: `.unreadable` if there is no such file or it cannot be opened.
    init(_ source: RowSource) throws(FormatError) {
        file = try InputFile(source)
        path = source.name
        // A pipe may give one byte at a time.
        while bytes.count < 3, try more() {}
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { start = 3 }
        if bytes.starts(with: [0x1F, 0x8B]) {
            throw FormatError.invalid(
                path,
                "it is compressed by gzip",
                remedy: "unpack it on the way: gunzip -c FILE | lacuna import STORE - --format FORMAT"
            )
        }
    }

    /// The offset in the source of the first byte that wasn't used.
    var offset: Int { fileOffset - bytes.count + start }

    /// The share of a file that was used; nil for standard input.
    var share: Double? { file.length.map { $0 == 0 ? 1 : min(1, Double(offset) / Double($0)) } }

    /// Moves `start` on, over bytes that are of no more use.
    func use(to position: Int) { start = position }

    /// Appends the next bytes of the source, up to a chunk, and moves those that weren't used to the front of `bytes`.
    /// Returns false at the end.
    @discardableResult
    func more() throws(FormatError) -> Bool {
        bytes.removeSubrange(0..<start)
        start = 0
        let rest = file.length.map { max(1, $0 - fileOffset) } ?? Self.chunkBytes
        let count = try file.readUpTo(min(Self.chunkBytes, rest), into: &chunk, at: fileOffset)
        fileOffset += count
        bytes.append(contentsOf: chunk[..<count])
        return count > 0
    }

    /// The position of the first `byte` in a part of `bytes`.
    func first(_ byte: UInt8, in range: Range<Int>) -> Int? {
        unsafe bytes.withUnsafeBytes { bytes -> Int? in
            guard !range.isEmpty, let base = bytes.baseAddress,
                let found = unsafe memchr(base + range.lowerBound, Int32(byte), range.count)
            else { return nil }
            return unsafe UnsafeRawPointer(found) - base
        }
    }

    /// Reads a part of a file again.
    func read(_ place: Range<Int>) throws(FormatError) -> [UInt8] {
        var bytes: [UInt8] = []
        try file.read(place.count, into: &bytes, at: place.lowerBound)
        return bytes
    }
}
