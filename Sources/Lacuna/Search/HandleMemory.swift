/// What a handle keeps in memory of its store, which SQLite can rebuild at any time.
struct HandleMemory: Sendable {
    let directory = RowDirectory()
    /// Nil where there is no log that would tell of commits.
    let rowIDs: RowIDs?
    let filters: RememberedFilters
}
