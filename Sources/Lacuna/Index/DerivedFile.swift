/// A row of `files`. A derived file lies beside the data file and was made from the rows of a generation; it could hold
/// a shorter form of them.
///
/// Nothing needs a derived file, and nothing trusts one: a file that is missing, stale, damaged, or of a kind that this
/// version doesn't know is ignored. A transaction that moves or erases rows also gives the file up. The list is
/// complete: a row is committed before its file is made, and deleted after the file is removed.
///
/// | after | a crash leaves | recovery |
/// | --- | --- | --- |
/// | 1. the row is committed; it covers no slots yet | a row without a file | keeps it: the file is missing |
/// | 2. the file is made and filled; file and name are synced | a file that isn't used yet | keeps it |
/// | 3. the row says which slots the file covers | the file | keeps it |
/// | 4. the row is given up, or its generation is superseded | a file and a row without use | removes file and row |
/// | 5. the file is unlinked, and the directory is synced | a row without a file | removes the row |
/// | 6. the row is deleted | nothing | |
struct DerivedFile: Equatable, Sendable {
    let name: String
    /// The generation from whose rows the file was made; 0 if the file was given up.
    let generation: Int64
}

extension StoreIndex {
    /// All derived files, in the order of their names; none in a store of an earlier schema. A name that isn't a
    /// derived file's is ignored.
    func derivedFiles() throws(VectorStoreError) -> [DerivedFile] {
        if isOfOffsets { return [] }
        var files: [DerivedFile] = []
        try connection.forEach("SELECT name, generation FROM files ORDER BY name") { row throws(VectorStoreError) in
            let file = DerivedFile(name: try row.text(0), generation: row.integer(1))
            if StorePaths.isDerivedFileName(file.name) { files.append(file) }
        }
        return files
    }

    /// The derived files that are no longer of use.
    func staleDerivedFiles(current generation: Int64) throws(VectorStoreError) -> [DerivedFile] {
        try derivedFiles().filter { $0.generation != generation }
    }

    /// Gives up all derived files. Called before rows are moved or erased; the caller's transaction commits it.
    func giveUpDerivedFiles() throws(VectorStoreError) {
        if PlantedBug.derivedFileKept.isPlanted { return }
        try connection.run("UPDATE files SET generation = 0 WHERE generation <> 0")
    }

    func forget(_ file: DerivedFile) throws(VectorStoreError) {
        try connection.run("DELETE FROM files WHERE name = ?", [.text(file.name)])
    }

    /// Forgets all derived files, in a copy of the index, which has none of them.
    func forgetDerivedFiles() throws(VectorStoreError) { try connection.run("DELETE FROM files") }
}
