public import CLacunaSQLite

/// The contents of the header of SQLite's wal-index. Two equal ones mean the same state of the database, whoever
/// committed it.
///
/// In the header, every commit has a number of its own and a checksum over all frames of the log
/// (sqlite.org/walformat.html, 2.1). A checkpoint that empties the log changes the header too, without changing the
/// state.
@usableFromInline
package struct LogVersion: Equatable, Sendable {
    @usableFromInline let value: lacuna_log_version

    @inlinable init(_ value: lacuna_log_version) { self.value = value }

    @inlinable @inline(__always)
    package static func == (left: LogVersion, right: LogVersion) -> Bool {
        left.value.header_checksum == right.value.header_checksum && left.value.change == right.value.change
            && left.value.page == right.value.page && left.value.frame == right.value.frame
            && left.value.checksum == right.value.checksum && left.value.salt == right.value.salt
    }

    /// The number of transactions that have changed anything, minus `commits`. The result is only good for comparison
    /// with others, because both numbers begin anywhere and wrap around to 0.
    package func changes(beyond commits: Int64) -> UInt32 { value.change &- UInt32(truncatingIfNeeded: commits) }

    /// Whether exactly `commits` transactions that have changed anything lie between the two.
    package func isFollowed(by next: LogVersion, after commits: Int) -> Bool {
        commits == 0 ? self == next : next.value.change == value.change &+ UInt32(commits)
    }
}

/// The memory that the connections of all processes to a database share.
///
/// `@unchecked Sendable`: it is only read, with atomic loads. It is valid for as long as the connection that it came
/// from is open.
@safe
@usableFromInline
package struct SharedLog: @unchecked Sendable {
    @usableFromInline let memory: UnsafeRawPointer

    /// Nil if there is no log, as for an immutable database.
    init?(_ connection: OpaquePointer) {
        guard let memory = unsafe lacuna_sqlite3_shared_memory(connection) else { return nil }
        unsafe self.memory = memory
    }

    /// The version of the newest commit. Reading it takes a few loads and no system call. A header that is being
    /// written equals no other one.
    @inlinable @inline(__always)
    package var version: LogVersion { LogVersion(unsafe lacuna_read_log_version(memory)) }
}
