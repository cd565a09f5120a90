/// The facts about its log that each commit of ours writes: two columns of `store` (docs/format.md).
///
/// SQLite takes any file with the log's name beside a database for its log. If a backup is copied over a store after a
/// crash, the old log stays there, and its pages would be mixed with the backup's.
struct LogOrigin: Equatable, Sendable {
    /// The number of the last commit before the log began. The database file without its log has that commit or a later
    /// one.
    var base: Int64
    /// Random bits, drawn anew after the whole log was copied into the database and synced; 0 for none.
    var token: UInt32
}

extension StoreIndex {
    /// The facts that the last commit has written about its log; nil for schema version 1.
    func logOrigin() throws(VectorStoreError) -> LogOrigin? {
        if version < 2 { return nil }
        return try connection.first("SELECT log_base, log_token FROM store") { row throws(VectorStoreError) in
            guard let token = UInt32(exactly: row.integer(1)), row.integer(0) >= 0, row.integer(0) < .max else {
                throw .damaged("a field of the index's table `store` is out of range")
            }
            return LogOrigin(base: row.integer(0), token: token)
        }
    }
}
