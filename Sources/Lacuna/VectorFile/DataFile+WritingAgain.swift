extension DataFile {
    private static let rewrittenBytes: Int64 = 1 << 20
    private static let pageBytes: Int64 = 4_096

    /// Writes the bytes of a range once more in their places, and syncs them. Holes stay. Parts that can't be read are
    /// left alone, since there is nothing to write in their place.
    ///
    /// It writes the same bytes over the same bytes, so a crash in a write changes nothing.
    func writeAgain(_ range: Range<Int64>) throws(VectorStoreError) {
        var buffer = [UInt8](repeating: 0, count: Int(Self.rewrittenBytes))
        try forEachExtent(in: range) { extent throws(VectorStoreError) in
            try forEachPart(of: extent, Self.rewrittenBytes) { part throws(VectorStoreError) in
                if try writeAgain(part, through: &buffer) { return }
                try forEachPart(of: part, Self.pageBytes) { page throws(VectorStoreError) in
                    _ = try writeAgain(page, through: &buffer)
                }
            }
        }
        try sync()
    }

    /// Returns false if the part can't be read.
    private func writeAgain(_ part: Range<Int64>, through buffer: inout [UInt8]) throws(VectorStoreError) -> Bool {
        var span = buffer.mutableSpan
        return try unsafe span.withUnsafeMutableBytes { bytes throws(VectorStoreError) in
            let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<part.count])
            do { try unsafe read(into: bytes, at: part.lowerBound) } catch { return false }
            try unsafe write(UnsafeRawBufferPointer(bytes), at: part.lowerBound)
            return true
        }
    }

    private func forEachPart(
        of range: Range<Int64>,
        _ bytes: Int64,
        _ body: (Range<Int64>) throws(VectorStoreError) -> Void
    ) throws(VectorStoreError) {
        for begin in Swift.stride(from: range.lowerBound, to: range.upperBound, by: Int(bytes)) {
            try body(begin..<min(range.upperBound, begin + bytes))
        }
    }
}
