/// The mark in `writer.lock`: the number of a commit that was made. If the index has fewer commits, some are lost.
///
/// docs/format.md describes its 64 bytes.
package struct CommitMark: Equatable, Sendable {
    /// The store's UUID, in its 16 bytes.
    var store: [UInt8]
    /// A commit of this number, or of a higher one, is durable.
    var sequence: Int64
    /// The state of the database file without its log, or an earlier one.
    var database: Database
    /// The token of the log that contains the last commit known to the mark (``LogOrigin``); 0 in a mark of schema
    /// version 1.
    var token: UInt32

    /// The state's commit sequence number, its generation, and the offset of its next slot or, after rows have moved, a
    /// lower one.
    struct Database: Equatable, Sendable {
        var sequence: Int64
        var generation: Int64
        var offset: Int64
    }

    static let length = 64
    private static let magic: [UInt8] = [0x89] + Array("LACMRK".utf8) + [0x0a]

    // Each field begins where the one before it ends.
    private static let storeAt = magic.count
    private static let sequenceAt = storeAt + 16
    private static let databaseAt = sequenceAt + 8
    private static let generationAt = databaseAt + 8
    private static let offsetAt = generationAt + 8
    private static let tokenAt = offsetAt + 8
    private static let checksumAt = tokenAt + 4

    func encoded() -> [UInt8] {
        var bytes = Self.magic + store
        for field in [sequence, database.sequence, database.generation, database.offset] { bytes += Self.bytes(field) }
        bytes += Self.bytes(token)
        return bytes + Self.bytes(Self.checksum(of: bytes))
    }

    /// Nil if the bytes are no mark; then they say nothing.
    init?(decoding bytes: [UInt8]) {
        guard bytes.count == Self.length, Array(bytes[..<Self.magic.count]) == Self.magic,
            Array(bytes[Self.checksumAt...]) == Self.bytes(Self.checksum(of: Array(bytes[..<Self.checksumAt])))
        else { return nil }
        func field<I: FixedWidthInteger>(_ offset: Int) -> I {
            (0..<MemoryLayout<I>.size).reduce(0) { $0 | I(truncatingIfNeeded: bytes[offset + $1]) << (8 * $1) }
        }
        store = Array(bytes[Self.storeAt..<Self.sequenceAt])
        sequence = field(Self.sequenceAt)
        database = Database(
            sequence: field(Self.databaseAt),
            generation: field(Self.generationAt),
            offset: field(Self.offsetAt)
        )
        token = field(Self.tokenAt)
    }

    init(store: [UInt8], sequence: Int64, _ database: Database, token: UInt32) {
        self.store = store
        self.sequence = sequence
        self.database = database
        self.token = token
    }

    /// Reads the mark; nil if there is none, if this user can't read it, or if it isn't whole.
    static func read(_ paths: StorePaths, _ fileSystem: any FileSystem) throws(VectorStoreError) -> CommitMark? {
        let descriptor: Int32
        do { descriptor = try fileSystem.open(StorePaths.writerLockName, in: paths.directory, .read) } catch {
            if error.isNoSuchFile || error.isNotPermitted { return nil }
            throw VectorStoreError(error)
        }
        defer { fileSystem.close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: length)
        var span = bytes.mutableSpan
        do {
            let count = try unsafe span.withUnsafeMutableBytes { buffer throws(SystemError) in
                try unsafe fileSystem.readAll(descriptor, into: buffer, at: 0)
            }
            return count == length ? CommitMark(decoding: bytes) : nil
        } catch { throw VectorStoreError(error.on(paths.directory.path(StorePaths.writerLockName))) }
    }

    /// Throws `damaged` if the record is older than a commit that was made. A mark of another store says nothing.
    func check(_ record: StoreRecord) throws(VectorStoreError) {
        guard store == record.uuidBytes, record.commitSequence < sequence else { return }
        throw .commitsAreMissing(
            """
            the index has commits up to \(record.commitSequence), but commit \(sequence) was made, or a later one: \
            index.sqlite-wal is missing, cut short or out of date, or an older index.sqlite was put back
            """
        )
    }

    private static func checksum(of bytes: [UInt8]) -> UInt32 {
        var checksum = Checksum()
        unsafe bytes.withUnsafeBytes { unsafe checksum.update($0) }
        return checksum.value
    }

    private static func bytes<I: FixedWidthInteger>(_ value: I) -> [UInt8] {
        (0..<MemoryLayout<I>.size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
