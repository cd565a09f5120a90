import CLacunaSQLite

/// What the header of SQLite's wal-index says: two equal ones mean the same state of the database, whoever committed it.
///
/// Every commit has a number of its own there and a checksum over all frames of the log (sqlite.org/walformat.html, 2.1).
/// A checkpoint that empties the log changes it too, without changing the state.
struct LogVersion: Equatable, Sendable {
    private let value: lacuna_log_version

    fileprivate init(_ value: lacuna_log_version) { self.value = value }

    @inline(__always)
    static func == (left: LogVersion, right: LogVersion) -> Bool {
        left.value.header_checksum == right.value.header_checksum && left.value.change == right.value.change
            && left.value.page == right.value.page && left.value.frame == right.value.frame
            && left.value.checksum == right.value.checksum && left.value.salt == right.value.salt
    }

    /// The transactions that have changed anything beyond the first `commits`. It means something only beside others: both
    /// numbers begin anywhere, and go on from their end with 0.
    func changes(beyond commits: Int64) -> UInt32 { value.change &- UInt32(truncatingIfNeeded: commits) }

    /// Whether so many transactions that have changed anything lie between the two, and no other one.
    func isFollowed(by next: LogVersion, after commits: Int) -> Bool {
        commits == 0 ? self == next : next.value.change == value.change &+ UInt32(commits)
    }
}

/// The memory that all connections to a database share, of all processes.
///
/// `@unchecked Sendable`: only read, by atomic loads. Valid for as long as the connection that it came from is open.
@safe
struct SharedLog: @unchecked Sendable {
    private let memory: UnsafeRawPointer

    /// Nil without a log, as of an immutable database.
    init?(_ connection: OpaquePointer) {
        guard let memory = unsafe lacuna_sqlite3_shared_memory(connection) else { return nil }
        unsafe self.memory = memory
    }

    /// The newest commit's: a few loads, and no system call. A header that is being written is equal to none.
    @inline(__always)
    var version: LogVersion { LogVersion(unsafe lacuna_read_log_version(memory)) }
}
