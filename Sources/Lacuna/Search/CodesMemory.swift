/// The file of codes that a handle has open.
final class CodesMemory: Sendable {
    private struct State: Sendable {
        let generation: Int64
        let sequence: Int64
        /// Nil if the store wants no codes.
        let row: DerivedFile?
        /// Nil if the file can't be used.
        let file: CodesFile?
    }

    /// Codes that a search can use: those of the slots below `end`.
    struct Codes: Sendable {
        let file: CodesFile
        let end: Slot
    }

    private let state = Guarded<State?>(nil)
    private let paths: StorePaths
    private let fileSystem: any FileSystem

    init(_ paths: StorePaths, _ fileSystem: any FileSystem) {
        self.paths = paths
        self.fileSystem = fileSystem
    }

    /// The codes of a snapshot's rows; nil if there are none, or if they can't be used.
    func codes(_ snapshot: Snapshot) throws(VectorStoreError) -> Codes? {
        let record = snapshot.record
        let known = state.withLock { $0 }
        if let known, known.generation == record.generation, known.sequence == record.commitSequence {
            return Self.codes(known)
        }
        var row: DerivedFile?
        do { row = try snapshot.index.codes(record.generation) } catch {
            // A damaged list is ignored, as a damaged file is.
            if error.code != .damaged { throw error }
        }
        if let covered = row?.covered, covered == Slot(0) || covered > record.nextSlot { row = nil }
        var file: CodesFile?
        if let row {
            let isSame = known?.row?.name == row.name && known?.row?.nonce == row.nonce
            let known = isSame ? known?.file : nil
            file = known?.covers(row.covered) == true ? known : open(row, record)
        }
        let state = State(generation: record.generation, sequence: record.commitSequence, row: row, file: file)
        self.state.withLock { known in
            if let known, (known.generation, known.sequence) > (state.generation, state.sequence) { return }
            known = state
        }
        return Self.codes(state)
    }

    /// Closes the file, so that its disk space is free once it is removed. Searches under way keep it until they end.
    func letGo() { state.withLock { $0 = nil } }

    /// The same if the file was removed.
    func letGoIfRemoved() { state.withLock { if $0?.file?.isUnlinked == true { $0 = nil } } }

    private static func codes(_ state: State) -> Codes? {
        guard let row = state.row, let file = state.file else { return nil }
        return Codes(file: file, end: row.covered)
    }

    private func open(_ row: DerivedFile, _ record: StoreRecord) -> CodesFile? {
        let file = CodesFile(
            row.name,
            nonce: row.nonce,
            record.header,
            record.metric,
            in: paths.directory,
            fileSystem
        )
        return file?.covers(row.covered) == true ? file : nil
    }
}
