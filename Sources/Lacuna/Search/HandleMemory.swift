/// The data of its store that a handle keeps in memory. They can be read again from the index at any time.
struct HandleMemory: Sendable {
    let directory = RowDirectory()
    /// Nil if there is no log, by which commits are noticed.
    let rowIDs: RowIDs?
    let filters: RememberedFilters
    let values: RememberedValues
    let codes: CodesMemory
    let counters: StoreCounters

    /// Forgets what belongs to one state of the store.
    func forget() {
        directory.forget()
        filters.forget()
        values.forget()
        codes.letGo()
    }
}
