import CLacunaPlatform
import CLacunaSQLite

/// SQLite's write-ahead log, read and written through the file handle that SQLite itself has open: a descriptor of our
/// own, once closed, would drop this process's POSIX locks.
///
/// SQLite takes the first frame that doesn't fit for the end of the log, and drops what follows without a word. So before
/// it is believed, the log is looked through. A power cut can leave a bad frame too, but only in the last transaction, whose
/// sync it met: each commit is synced before the next one begins. Two commits behind a bad frame thus mean that it was good
/// once, and has rotted.
///
/// A reader may look while another process writes, and see a frame before it was written and later ones after. So damage
/// counts only where a second look, begun after the first had ended, finds the same. That is proof:
///
/// - The log's header is read before the frames and again after them. It is written before the first frame of a log that
///   begins anew, with other salts, so that all frames seen between two equal headers with current salts are of one log.
/// - In one log, a frame that a commit lies behind is never written again, and whoever saw the commits behind it knows
///   that it had been written by then. So the second look sees it as it is on the disk.
@safe
struct WriteAheadLog {
    private let file: UnsafeMutablePointer<sqlite3_file>

    /// Nil where the connection has no log open: it has one from its first read on, if the database is in WAL mode.
    init?(_ connection: OpaquePointer) {
        guard let file = unsafe lacuna_sqlite3_log(connection) else { return nil }
        unsafe self.file = file
    }

    /// SQLite's unix VFS reads and writes less than 128 KiB at a time, and takes a longer call for a short file. The longest
    /// frame is one of 64 KiB and a header.
    private static let chunkBytes = (128 << 10) - 1
    /// A log shorter than that is looked through without a question whether anybody still wants it.
    private static let bytesBetweenQuestions: Int64 = 16 << 20

    // MARK: Looking through it

    /// What is wrong with a log.
    private struct Damage {
        let header: [UInt8]
        /// The first bad frame, counted from 1; 0 if the header itself is bad.
        let frame: Int
        /// Commits behind it, at least.
        let commits: Int
    }

    /// Throws `damaged` where SQLite would silently lose commits, and `cancelled` where `isCancelled` says so before the end of
    /// a long log. O(length of the log) time, 128 KiB of memory.
    func check(_ isCancelled: () -> Bool) throws(VectorStoreError) {
        guard let first = try look(isCancelled), let second = try look(isCancelled), first.header == second.header,
            first.frame == second.frame
        else { return }
        if second.frame == 0 { throw .commitsAreMissing("the header of index.sqlite-wal is rotten") }
        throw .commitsAreMissing(
            "frame \(second.frame) of index.sqlite-wal is rotten, and \(second.commits) commits at least lie behind it"
        )
    }

    private func look(_ isCancelled: () -> Bool) throws(VectorStoreError) -> Damage? {
        let size = try size()
        let bytes = try header(size)
        guard let header = Header(bytes) else {
            // It is synced before the first frame is written, and too short to tear.
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

    /// Whole frames, until `body` wants no more.
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

    /// Once a so many bytes, when that many have been read: after `count` bytes at `position`.
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
            "opening was cancelled: \(end) of the \(size) bytes of index.sqlite-wal had been looked through",
            remedy: "run \(.open) again"
        )
    }

    private func header(_ size: Int64) throws(VectorStoreError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Header.length)
        if size >= Int64(bytes.count) { try read(into: &bytes, bytes.count, at: 0) }
        return bytes
    }

    /// Whether there is anything but zeros.
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

    // MARK: Its bytes

    func size() throws(VectorStoreError) -> Int64 {
        var size: Int64 = 0
        try check(unsafe lacuna_sqlite3_file_size(file, &size), "measured")
        return size
    }

    /// Writes zeros, which are no frame. The caller sees to it that nobody else writes to the log, and no frame is there.
    func zero(from offset: Int64, count: Int) throws(VectorStoreError) {
        let zeros = [UInt8](repeating: 0, count: count)
        try check(unsafe zeros.withUnsafeBytes { unsafe write($0, at: offset) }, "extended")
    }

    /// Writes the header and all frames that SQLite believes once more where they are, and syncs. The caller sees to it that
    /// nobody else writes to the log.
    ///
    /// What lies behind them is part of no commit, and may be of any length.
    func rewrite() throws(VectorStoreError) {
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

    /// Zeros, should another process have cut the file meanwhile.
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

        /// The byte order in which checksums take the words of what they are of.
        let isBigEndian: Bool
        let frameBytes: Int
        let salts: UInt64
        let checksum: WALChecksum

        /// Nil where SQLite takes the log for empty.
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

    /// Frame after frame: how many fit, and what lies behind the first that doesn't.
    fileprivate struct FrameScan {
        private let header: Header
        /// What the frame before says its checksum is, which each checksum continues: so the chain goes on across one that
        /// has rotted.
        private var stored: WALChecksum
        private var frames = 0
        private(set) var badFrame: Int?
        private var run = 0
        /// The most commits in one unbroken run of good frames behind the bad one. Runs aren't added up: what is left of a
        /// transaction that failed, or was torn, and that a later one has overwritten in part, ends with a commit too.
        private(set) var commits = 0
        /// The page's number, the database's size and the page of a commit's frame behind the bad one.
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

        /// A commit's last frame once more is no commit: SQLite fills a sector up so that a torn write can't reach back, where
        /// it doesn't take that for impossible (`psow=0`).
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

/// The two sums that SQLite's log is checked by.
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
