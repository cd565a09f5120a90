/// A row of `files`: a file beside the data file that was made from the rows of a generation, such as a shorter form of them.
///
/// Nothing needs a derived file, and nothing believes one: where it is missing, stale, damaged, or of a kind that this version
/// doesn't know, it is passed over. What moves or erases rows gives it up in the same transaction. The list is complete: a row is
/// committed before its file is made, and goes after the file.
///
/// | after | a crash leaves | recovery |
/// | --- | --- | --- |
/// | 1. the row is committed, which covers nothing | a row without a file | keeps it: the file is missing |
/// | 2. the file is made and filled; file and name are synced | a file of which nothing is used | keeps it |
/// | 3. the row says what the file covers | the file | keeps it |
/// | 4. the row is given up, or its generation superseded | the same, of no use | removes file and row |
/// | 5. the file is unlinked, the directory synced | a row without a file | removes the row |
/// | 6. the row is deleted | nothing | |
struct DerivedFile: Equatable, Sendable {
    let name: String
    /// 0: given up.
    let generation: Int64
}

extension StoreIndex {
    /// All of them, by name; none of a store of an earlier schema. A name that no derived file has is passed over.
    func derivedFiles() throws(VectorStoreError) -> [DerivedFile] {
        if isOfOffsets { return [] }
        var files: [DerivedFile] = []
        try connection.forEach("SELECT name, generation FROM files ORDER BY name") { row throws(VectorStoreError) in
            let file = DerivedFile(name: try row.text(0), generation: row.integer(1))
            if StorePaths.isDerivedFileName(file.name) { files.append(file) }
        }
        return files
    }

    /// Those of no use any more.
    func staleDerivedFiles(current generation: Int64) throws(VectorStoreError) -> [DerivedFile] {
        try derivedFiles().filter { $0.generation != generation }
    }

    /// Before rows move, or are erased; the caller's transaction commits it.
    func giveUpDerivedFiles() throws(VectorStoreError) {
        if PlantedBug.derivedFileKept.isPlanted { return }
        try connection.run("UPDATE files SET generation = 0 WHERE generation <> 0")
    }

    func forget(_ file: DerivedFile) throws(VectorStoreError) {
        try connection.run("DELETE FROM files WHERE name = ?", [.text(file.name)])
    }

    /// In a copy of the index, which has none of the files.
    func forgetDerivedFiles() throws(VectorStoreError) { try connection.run("DELETE FROM files") }
}
