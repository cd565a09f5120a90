import TestSupport

@testable import Lacuna

/// Looks for the remains of erased rows in the raw bytes of every file of a store.
struct Remains {
    /// The pieces of 16 bytes of which erased vectors consist: for each first half, the second halves.
    private var pieces: [UInt64: Set<UInt64>] = [:]
    private var tokens: Set<String> = []

    private static let tokenBytes = 16
    /// All tokens begin with this, so that they are found without comparing everything with each token.
    private static let mark: [UInt8] = Array("TK".utf8)

    /// A text that occurs nowhere else.
    static func token(_ generator: inout SplitMix64) -> String {
        let digits = String(UInt64.random(in: .min ... .max, using: &generator), radix: 36)
        return "TK" + (String(repeating: "0", count: 14) + digits).suffix(14)
    }

    /// Components that occur nowhere else, from 1 to 2, so that the highest byte is 0x3f.
    static func vector(_ dimension: Int, _ generator: inout SplitMix64) -> [Float] {
        (0..<dimension).map { _ in Float.random(in: 1..<2, using: &generator) }
    }

    mutating func add(_ vector: [Float]) {
        let bits = vector.map { UInt64($0.bitPattern.littleEndian) }
        for start in stride(from: 0, to: bits.count - 3, by: 4) {
            let first = bits[start] | bits[start + 1] << 32
            pieces[first, default: []].insert(bits[start + 2] | bits[start + 3] << 32)
        }
    }

    mutating func add(_ token: String) { tokens.insert(token) }

    /// The first few remains that are found in the files' bytes.
    ///
    /// While a handle is open, let a child process copy the files: closing a descriptor of the index would drop this
    /// process's locks on it.
    func find(in directory: String) throws -> [String] {
        var found: [String] = []
        for name in try Directory.names(directory) {
            found += find(in: try TestFiles.read(directory + "/" + name)).map { "\(name): \($0)" }
        }
        return Array(found.prefix(5))
    }

    func find(in bytes: [UInt8]) -> [String] {
        unsafe bytes.withUnsafeBytes { unsafe findPieces($0) + findTokens($0) }
    }

    private func findPieces(_ bytes: UnsafeRawBufferPointer) -> [String] {
        if pieces.isEmpty || bytes.count < 16 { return [] }
        var found: [String] = []
        for offset in stride(from: 0, through: bytes.count - 16, by: 4) {
            // This checks the highest byte of the components, which is far faster than looking up each piece.
            guard unsafe bytes[offset + 3] == 0x3f, unsafe bytes[offset + 7] == 0x3f else { continue }
            let first = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            guard let seconds = pieces[first.littleEndian] else { continue }
            let second = unsafe bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
            if seconds.contains(second.littleEndian) { found.append("a vector's piece at \(offset)") }
        }
        return found
    }

    private func findTokens(_ bytes: UnsafeRawBufferPointer) -> [String] {
        if tokens.isEmpty || bytes.count < Self.tokenBytes { return [] }
        var found: [String] = []
        for offset in 0...bytes.count - Self.tokenBytes {
            guard unsafe bytes[offset] == Self.mark[0], unsafe bytes[offset + 1] == Self.mark[1] else { continue }
            let text = unsafe String(decoding: bytes[offset..<offset + Self.tokenBytes], as: UTF8.self)
            if tokens.contains(text) { found.append("\(text) at \(offset)") }
        }
        return found
    }
}
