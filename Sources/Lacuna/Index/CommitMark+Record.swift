extension CommitMark {
    /// Throws `damaged` if the record is older than a commit that was made. Another store's mark says nothing.
    func check(_ record: StoreRecord) throws(VectorStoreError) {
        guard store == record.uuidBytes, record.commitSequence < sequence else { return }
        throw .commitsAreMissing(
            """
            the index knows commits up to \(record.commitSequence), but commit \(sequence) at least was made: \
            index.sqlite-wal is missing, cut short or older, or an older index.sqlite was put back
            """
        )
    }
}
