#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Parts of a data file that nothing names any more, and that are near enough to one another to be read at once.
struct DeadWindow {
    /// The parts, in ascending order. Between them lie live rows, which are read and never written.
    private(set) var parts: [Range<Int64>] = []

    /// Up to this many live bytes are read for nothing, rather than begin another window: reading them costs about as
    /// much as a system call.
    private static let gapBytes: Int64 = 16 << 10

    var isEmpty: Bool { parts.isEmpty }
    var lowerBound: Int64 { parts.first?.lowerBound ?? 0 }
    var upperBound: Int64 { parts.last?.upperBound ?? 0 }

    /// Takes as much of the beginning of a range as fits into a window of `limit` bytes, and returns the rest. Takes
    /// nothing if the range is too far away.
    mutating func take(_ range: Range<Int64>, limit: Int64) -> Range<Int64> {
        if isEmpty || range.lowerBound - upperBound <= Self.gapBytes {
            let end = min(range.upperBound, (isEmpty ? range.lowerBound : lowerBound) + limit)
            if end > range.lowerBound {
                parts.append(range.lowerBound..<end)
                return end..<range.upperBound
            }
        }
        return range
    }
}

extension DataFile {
    /// The numbers of bytes that were read and overwritten.
    struct Zeroed {
        var readBytes: Int64 = 0
        var zeroedBytes: Int64 = 0
    }

    /// The smallest piece that is written: zeros over a whole gap would fill the holes in it.
    private static let zeroedPiece: Int64 = 4_096

    /// Overwrites everything in the window's parts with zeros, except holes, and except zeros if these are trusted to
    /// be on the disk. After a failed sync, zeros may be in the kernel's cache only.
    func zeroRemains(_ window: DeadWindow, trustingZeros: Bool) throws(VectorStoreError) -> Zeroed {
        let range = window.lowerBound..<window.upperBound
        if range.isEmpty || dataBytes(in: range) == 0 { return Zeroed() }
        var zeroed = Zeroed(readBytes: Int64(range.count))
        for remains in try remains(window, in: range, trustingZeros) {
            try zero(remains)
            zeroed.zeroedBytes += Int64(remains.count)
        }
        return zeroed
    }

    private func remains(
        _ window: DeadWindow,
        in range: Range<Int64>,
        _ trustingZeros: Bool
    ) throws(VectorStoreError) -> [Range<Int64>] {
        var buffer = [UInt8](repeating: 0, count: range.count)
        do {
            var span = buffer.mutableSpan
            try unsafe span.withUnsafeMutableBytes { bytes throws(VectorStoreError) in
                try unsafe read(into: bytes, at: range.lowerBound)
            }
        } catch {
            // Reading only serves to write less: if the disk can't read the rows any more, it may still accept zeros.
            if error.code == .ioError { return window.parts }
            throw error
        }
        var remains: [Range<Int64>] = []
        for part in window.parts {
            var begin = part.lowerBound
            while begin < part.upperBound {
                let end = min(part.upperBound, (begin / Self.zeroedPiece + 1) * Self.zeroedPiece)
                let piece = Int(begin - range.lowerBound)..<Int(end - range.lowerBound)
                let isGone =
                    trustingZeros
                    ? unsafe buffer.span.bytes.extracting(piece).isZero : dataBytes(in: begin..<end) == 0
                if !isGone {
                    if let last = remains.last, last.upperBound == begin {
                        remains[remains.count - 1] = last.lowerBound..<end
                    } else {
                        remains.append(begin..<end)
                    }
                }
                begin = end
            }
        }
        return remains
    }
}

extension RawSpan {
    fileprivate var isZero: Bool {
        unsafe withUnsafeBytes { bytes in
            guard let base = bytes.baseAddress, let first = unsafe bytes.first else { return true }
            // Each byte equals the one before it, and the first is zero.
            return unsafe first == 0 && memcmp(base, base + 1, bytes.count - 1) == 0
        }
    }
}
