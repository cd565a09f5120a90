import CLacunaPlatform
import CLacunaSQLite
import LacunaPlatform

/// SQLite's write-ahead log, read and written through the file handle that SQLite itself has open: if a descriptor of
/// our own were closed, this process would lose its POSIX locks.
///
/// SQLite takes the first frame that doesn't fit for the end of the log, and silently drops all frames after it. So the
/// log is checked before it is used. A power cut can leave a bad frame too, but only in the last transaction, during
/// its sync, because each commit is synced before the next one begins. So two commits behind a bad frame mean that the
/// frame was good once, and was damaged later.
///
/// A reader may read the log while another process writes, and see a frame before it was written and later frames after
/// they were. So damage counts only if a second look, which begins after the first has ended, finds the same. That is
/// proof, for two reasons:
///
/// - The log's header is read before the frames and again after them. When a log begins anew, its header is written
///   before its first frame, with other salts. So all frames with current salts that were seen between two equal
///   headers belong to one log.
/// - In one log, a frame with a commit behind it is never written again. The first look saw commits behind the frame,
///   so the frame had been written by then. So the second look sees it as it is on the disk.
@safe
struct WriteAheadLog {
    private let file: UnsafeMutablePointer<sqlite3_file>

    /// Nil if the connection has no log open: it opens the log with its first read, if the database is in WAL mode.
    init?(_ connection: OpaquePointer) {
        guard let file = unsafe lacuna_sqlite3_log(connection) else { return nil }
        unsafe self.file = file
    }

    /// SQLite's unix VFS reads and writes less than 128 KiB at a time, and reports a longer call as a short file. The
    /// longest frame has 64 KiB and a header.
    private static let chunkBytes = (128 << 10) - 1
    /// A log shorter than this is checked without asking whether the call was cancelled.
    private static let bytesBetweenQuestions: Int64 = 16 << 20

    // MARK: Checking the log

    /// Damage that was found in a log.
    private struct Damage {
        let header: [UInt8]
        /// The first bad frame, counted from 1; 0 if the header itself is bad.
        let frame: Int
        /// The least number of commits behind the frame.
        let commits: Int
    }

    /// Throws `damaged` if SQLite would silently lose commits, and `cancelled` if `isCancelled` says so before the end
    /// of a long log. O(length of the log) time, 128 KiB of memory.
    func check(_ isCancelled: () -> Bool) throws(VectorStoreError) {
        guard let first = try look(isCancelled), let second = try look(isCancelled), first.header == second.header,
            first.frame == second.frame
        else { return }
        if second.frame == 0 { throw .commitsAreMissing("the header of index.sqlite-wal is damaged") }
        throw .commitsAreMissing(
            "frame \(second.frame) of index.sqlite-wal is damaged, and at least \(second.commits) commits follow it"
        )
    }

    private func look(_ isCancelled: () -> Bool) throws(VectorStoreError) -> Damage? {
        let size = try size()
        let bytes = try header(size)
        guard let header = Header(bytes) else {
            // The header is synced before the first frame is written, and it is too short to be torn.
            return try hasContent(size, isCancelled) ? Damage(header: bytes, frame: 0, commits: 0) : nil
        }
        var scan = FrameScan(header)
        try unsafe forEachChunk(header, size) { chunk, position throws(VectorStoreError) in
            unsafe scan.add(chunk)
            try Self.ask(isCancelled, at: position, Int64(chunk.count), of: size)
            return true
        }
        guard let frame = scan.badFrame, scan.commits >= 2, try self.header(size) == bytes else { return nil }
        return Damage(header: bytes, frame: frame, commits: scan.commits)
    }

    /// Calls `body` with chunks of whole frames, until it returns false.
    private func forEachChunk(
        _ header: Header,
        _ size: Int64,
        _ body: (UnsafeRawBufferPointer, Int64) throws(VectorStoreError) -> Bool
    ) throws(VectorStoreError) {
        var position = Int64(Header.length)
        var chunk = [UInt8](repeating: 0, count: max(1, Self.chunkBytes / header.frameBytes) * header.frameBytes)
        while position < size {
            let count = Int(min(Int64(chunk.count), size - position)) / header.frameBytes * header.frameBytes
            if count == 0 { return }
            try read(into: &chunk, count, at: position)
            let goesOn = try unsafe chunk.span.extracting(..<count).withUnsafeBytes { bytes throws(VectorStoreError) in
                try unsafe body(bytes, position)
            }
            if !goesOn { return }
            position += Int64(count)
        }
    }

    /// Asks whenever another `bytesBetweenQuestions` bytes were read. `count` bytes at `position` were just read.
    private static func ask(
        _ isCancelled: () -> Bool,
        at position: Int64,
        _ count: Int64,
        of size: Int64
    ) throws(VectorStoreError) {
        let end = position + count
        guard position / bytesBetweenQuestions != end / bytesBetweenQuestions, isCancelled() else { return }
        throw VectorStoreError(
            .cancelled,
            "opening was cancelled when \(end) of the \(size) bytes of index.sqlite-wal had been read",
            remedy: "run \(.open) again"
        )
    }

    private func header(_ size: Int64) throws(VectorStoreError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Header.length)
        if size >= Int64(bytes.count) { try read(into: &bytes, bytes.count, at: 0) }
        return bytes
    }

    /// Whether the log has anything but zeros.
    private func hasContent(_ size: Int64, _ isCancelled: () -> Bool) throws(VectorStoreError) -> Bool {
        var chunk = [UInt8](repeating: 0, count: Int(min(size, Int64(Self.chunkBytes))))
        var position: Int64 = 0
        while position < size {
            let count = Int(min(Int64(chunk.count), size - position))
            try read(into: &chunk, count, at: position)
            if chunk[..<count].contains(where: { $0 != 0 }) { return true }
            try Self.ask(isCancelled, at: position, Int64(count), of: size)
            position += Int64(count)
        }
        return false
    }

    // MARK: The log's bytes

    func size() throws(VectorStoreError) -> Int64 {
        var size: Int64 = 0
        try check(unsafe lacuna_sqlite3_file_size(file, &size), "measured")
        return size
    }

    /// Writes zeros, which are no frame. The caller ensures that nobody else writes to the log, and that no frame is at
    /// that place.
    func zero(from offset: Int64, count: Int) throws(VectorStoreError) {
        let zeros = [UInt8](repeating: 0, count: count)
        try check(unsafe zeros.withUnsafeBytes { unsafe write($0, at: offset) }, "extended")
    }

    /// Writes the header and all frames that SQLite accepts again in place, and syncs. The caller ensures that nobody
    /// else writes to the log.
    ///
    /// Bytes behind these frames belong to no commit, and may be of any length.
    func writeAgain() throws(VectorStoreError) {
        let size = try size()
        let bytes = try header(size)
        try check(unsafe bytes.withUnsafeBytes { unsafe write($0, at: 0) }, "written")
        if let header = Header(bytes) {
            var scan = FrameScan(header)
            try unsafe forEachChunk(header, size) { chunk, position throws(VectorStoreError) in
                unsafe scan.add(chunk)
                try check(unsafe write(chunk, at: position), "written")
                return scan.badFrame == nil
            }
        }
        try check(unsafe lacuna_sqlite3_file_sync(file), "synced")
    }

    private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) -> Int32 {
        unsafe lacuna_sqlite3_file_write(file, bytes.baseAddress, Int32(bytes.count), offset)
    }

    /// Reads zeros if another process has cut the file meanwhile.
    private func read(into chunk: inout [UInt8], _ count: Int, at offset: Int64) throws(VectorStoreError) {
        let code = unsafe chunk.withUnsafeMutableBytes {
            unsafe lacuna_sqlite3_file_read(file, $0.baseAddress, Int32(count), offset)
        }
        try check(code, "read")
    }

    private func check(_ code: Int32, _ what: String) throws(VectorStoreError) {
        if code == SQLITE_OK { return }
        let reason = unsafe sqlite3_errstr(code).map { unsafe String(cString: $0) } ?? "error"
        throw VectorStoreError(
            SQLiteError(
                code: code,
                message: "the write-ahead log can't be \(what): \(reason)",
                sql: nil,
                systemErrno: unsafe lacuna_sqlite3_last_errno(file)
            )
        )
    }
}

extension WriteAheadLog {
    /// The log's first 32 bytes (sqlite.org/fileformat2.html, 4.1). All numbers are big-endian.
    fileprivate struct Header {
        static let length = 32
        private static let magic: UInt32 = 0x377f_0682
        private static let frameHeaderBytes = 24

        /// The byte order in which checksums read the words of the log.
        let isBigEndian: Bool
        let frameBytes: Int
        let salts: UInt64
        let checksum: WALChecksum

        /// Nil if SQLite takes the log for empty.
        init?(_ bytes: [UInt8]) {
            let magic = bytes.word(0)
            guard magic & ~1 == Self.magic else { return nil }
            let isBigEndian = magic & 1 == 1
            self.isBigEndian = isBigEndian
            let pageBytes = Int(bytes.word(8))
            guard pageBytes >= 512, pageBytes <= 65_536, pageBytes & (pageBytes - 1) == 0 else { return nil }
            frameBytes = Self.frameHeaderBytes + pageBytes
            salts = UInt64(bytes.word(16)) << 32 | UInt64(bytes.word(20))
            var sum = WALChecksum()
            unsafe bytes.withUnsafeBytes {
                unsafe sum.update(UnsafeRawBufferPointer(rebasing: $0[..<24]), isBigEndian)
            }
            guard sum == WALChecksum(first: bytes.word(24), second: bytes.word(28)) else { return nil }
            checksum = sum
        }
    }

    /// Checks frame after frame: finds the first that doesn't fit, and counts the commits behind it.
    fileprivate struct FrameScan {
        private let header: Header
        /// The checksum that the last frame states. Each frame's checksum continues it, so the chain goes on across a
        /// damaged frame.
        private var stored: WALChecksum
        private var frames = 0
        private(set) var badFrame: Int?
        private var run = 0
        /// The most commits in one unbroken sequence of good frames behind the bad one. Sequences aren't added up: if a
        /// transaction failed or was torn and a later one has overwritten part of it, its remains end with a commit
        /// too.
        private(set) var commits = 0
        /// Of the last commit's frame behind the bad one: the page's number, the database's size and the page.
        private var lastCommit: [UInt8] = []

        init(_ header: Header) {
            self.header = header
            stored = header.checksum
        }

        mutating func add(_ chunk: UnsafeRawBufferPointer) {
            for start in stride(from: 0, to: chunk.count, by: header.frameBytes) {
                unsafe addFrame(UnsafeRawBufferPointer(rebasing: chunk[start..<start + header.frameBytes]))
            }
        }

        /// Bytes 0–3: the page's number. 4–7: the database's size in pages, in a commit's last frame; 0 in others. 8–15: the
        /// salts. 16–23: the checksum over bytes 0–7 and the page. Then the page.
        private mutating func addFrame(_ frame: UnsafeRawBufferPointer) {
            frames += 1
            var sum = stored
            unsafe sum.update(UnsafeRawBufferPointer(rebasing: frame[..<8]), header.isBigEndian)
            unsafe sum.update(UnsafeRawBufferPointer(rebasing: frame[24...]), header.isBigEndian)
            stored = unsafe WALChecksum(first: frame.word(16), second: frame.word(20))
            let salts = unsafe UInt64(frame.word(8)) << 32 | UInt64(frame.word(12))
            if unsafe sum == stored && salts == header.salts && frame.word(0) != 0 {
                if badFrame != nil { unsafe addCommit(frame) }
            } else {
                badFrame = badFrame ?? frames
                run = 0
                lastCommit = []
            }
        }

        /// A repeated last frame of a commit is no commit: SQLite fills up a sector with such frames, so that a torn
        /// write can't harm earlier bytes, unless it knows that this can't happen (`psow=1`).
        private mutating func addCommit(_ frame: UnsafeRawBufferPointer) {
            let isCommit = unsafe frame.word(4) != 0
            let content = unsafe isCommit ? Array(frame[..<8]) + Array(frame[24...]) : []
            defer { lastCommit = content }
            if !isCommit || content == lastCommit { return }
            run += 1
            commits = max(commits, run)
        }
    }
}

/// The two sums of the checksums in SQLite's log.
private struct WALChecksum: Equatable {
    var first: UInt32 = 0
    var second: UInt32 = 0

    mutating func update(_ bytes: UnsafeRawBufferPointer, _ isBigEndian: Bool) {
        unsafe lacuna_wal_checksum(bytes.baseAddress, bytes.count, isBigEndian, &first, &second)
    }
}

extension Collection<UInt8> where Index == Int {
    /// The big-endian number in four bytes.
    fileprivate func word(_ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 << 8 | UInt32(self[startIndex + offset + $1]) }
    }
}
