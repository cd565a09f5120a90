import Dispatch

/// The first and the last steps of replacing the data file by a new one.
extension Maintenance {
    private static let nameAttempts = 1_000

    /// Makes the new file, with the header of the old one but for generation and layout. If its name is taken by somebody
    /// else's file, tries the next number, which is put into the journal first.
    func createTarget(
        _ generation: inout Int64,
        _ journal: Int64,
        _ header: DataFileHeader,
        like model: FileStatus
    ) throws -> DataFile {
        for _ in 0..<Self.nameAttempts {
            let header = DataFileHeader(store: header.store, generation: generation, header.layout)
            do {
                return try DataFile.create(in: paths.directory, header, like: model, fileSystem)
            } catch {
                guard error.isNameTaken else { throw VectorStoreError(error) }
            }
            generation = try turn { session in
                let generation = try session.commit { () throws(VectorStoreError) in
                    var next = try session.index.record()
                    let generation = next.takeGeneration()
                    try session.index.retargetJournal(journal, generation, next.layout.element)
                    if var staged = try session.index.reembedding(next) {
                        staged.generation = generation
                        try session.index.update(staged)
                    }
                    try session.index.update(next)
                    return generation
                }
                session.staging.retarget(generation)
                return generation
            }
        }
        throw VectorStoreError(
            .alreadyExists,
            "\(paths.directory.path) is full of data files of other stores",
            remedy: "move them away"
        )
    }

    /// Does what is left after the commit that has made the target the data file: removes the source and the index rows
    /// of its generation, and ends the journal's entry.
    ///
    /// After that commit the rows are safe, whatever happens here. If this fails, the next compaction or recovery finds
    /// the rest of the work in the journal.
    func finish(_ journal: Int64, _ source: consuming DataFile, _ target: DataFile) throws {
        // If the target has lost its name, the source is the only named file and is kept.
        if (try? turn { try $0.checkIdentity() }) != nil { try? source.unlink() }
        // Closing the source gives its blocks back, which takes the kernel a while.
        let closing = DispatchGroup()
        DispatchQueue(label: "lacuna.close").async(group: closing) { [source = consume source] in _ = source }
        defer { closing.wait() }
        do { try removeStaleRows() } catch {
            // If this is stopped, or the disk is full, the rest of the old index rows stays for later.
            if (error as? VectorStoreError)?.code == .ioError { throw error }
        }
        do {
            try turn { session in
                let record = try session.index.record()
                if record.liveRows > 0 {
                    // Makes the reserve for deletes on a full disk, if there is room for it.
                    let length = Preallocation.compactLength(rowsEnd: record.rowsEnd, stride: record.stride)
                    try? session.currentFile().extend(to: length)
                }
                let allocated = try session.currentFile().status().allocated
                try session.commit { () throws(VectorStoreError) in
                    try session.index.endJournal(journal, allocatedAfter: allocated)
                }
            }
        } catch let error as VectorStoreError where error.code == .diskFull {}
    }
}
