/// A row of `files`. A derived file lies beside the data file and was made from the rows of a generation, such as a
/// shorter form of them.
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
    let kind: String
    /// A random number, which the file has too.
    let nonce: Int64
    /// The file has what was derived from the rows in the slots below this one.
    var covered: Slot

    /// Whether the slots are those of whole tiles. Another program may have written any number.
    fileprivate var coversTiles: Bool {
        (0...Slot.most).contains(covered.number) && covered.number % CodesLayout.tileSlots == 0
    }

    /// The kind of files of codes. If a store wants codes, it has a row of this kind for its current generation; the row
    /// covers no slots until the file is made.
    static let codes = "codes"
}

extension StoreIndex {
    /// All derived files, in the order of their names; none in a store of an earlier schema. A name that isn't a
    /// derived file's is ignored.
    func derivedFiles() throws(VectorStoreError) -> [DerivedFile] {
        if isOfOffsets { return [] }
        var files: [DerivedFile] = []
        try connection.forEach("SELECT name, generation, kind, nonce, covered FROM files ORDER BY name") {
            row throws(VectorStoreError) in
            let file = DerivedFile(
                name: try row.text(0),
                generation: row.integer(1),
                kind: try row.text(2),
                nonce: row.integer(3),
                covered: Slot(Int(row.integer(4)))
            )
            if StorePaths.isDerivedFileName(file.name) { files.append(file) }
        }
        return files
    }

    /// The file of codes of a generation that covers most; nil if the store wants no codes.
    func codes(_ generation: Int64) throws(VectorStoreError) -> DerivedFile? {
        try derivedFiles().filter { $0.kind == DerivedFile.codes && $0.generation == generation && $0.coversTiles }
            .max { $0.covered < $1.covered }
    }

    /// Lists a file of codes, which doesn't exist yet, for a generation. Returns its row.
    func addCodes(_ generation: Int64) throws(VectorStoreError) -> DerivedFile {
        let names = Set(try derivedFiles().map(\.name))
        var number = try sequence(after: record())
        while names.contains(StorePaths.derivedFileName(number, DerivedFile.codes)) { number += 1 }
        let file = DerivedFile(
            name: StorePaths.derivedFileName(number, DerivedFile.codes),
            generation: generation,
            kind: DerivedFile.codes,
            nonce: .random(in: .min ... .max),
            covered: Slot(0)
        )
        try connection.run(
            "INSERT INTO files (name, generation, kind, nonce, covered) VALUES (?, ?, ?, ?, 0)",
            [.text(file.name), .integer(generation), .text(file.kind), .integer(file.nonce)]
        )
        return file
    }

    /// Notes that a file has what was derived from all slots below `covered`. Returns false if the file was given up.
    func cover(_ covered: Slot, by file: DerivedFile) throws(VectorStoreError) -> Bool {
        try connection.run(
            "UPDATE files SET covered = ? WHERE name = ? AND generation = ?",
            [.integer(Int64(covered.number)), .text(file.name), .integer(file.generation)]
        ) > 0
    }

    /// Gives up a file; the caller's transaction commits it.
    func giveUp(_ file: DerivedFile) throws(VectorStoreError) {
        try connection.run("UPDATE files SET generation = 0 WHERE name = ?", [.text(file.name)])
    }

    /// The derived files that are no longer of use.
    func staleDerivedFiles(current generation: Int64) throws(VectorStoreError) -> [DerivedFile] {
        try derivedFiles().filter { $0.generation != generation }
    }

    /// Gives up the derived files that cover rows of a generation. Called before rows are moved; the caller's transaction
    /// commits it. A file that covers nothing can't become wrong.
    func giveUpCoveringFiles(_ generation: Int64) throws(VectorStoreError) {
        let covers = try derivedFiles().contains { $0.generation == generation && $0.covered != Slot(0) }
        if covers { try giveUpDerivedFiles(generation) }
    }

    /// Gives up all derived files. Called before rows are erased; the caller's transaction commits it. If the store wants
    /// codes, it goes on to want them.
    func giveUpDerivedFiles(_ generation: Int64) throws(VectorStoreError) {
        if PlantedBug.derivedFileKept.isPlanted { return }
        let wantsCodes = try codes(generation) != nil
        try connection.run("UPDATE files SET generation = 0 WHERE generation <> 0")
        if wantsCodes { _ = try addCodes(generation) }
    }

    func forget(_ file: DerivedFile) throws(VectorStoreError) {
        try connection.run("DELETE FROM files WHERE name = ?", [.text(file.name)])
    }

    /// Forgets all derived files, in a copy of the index, which has none of them. If the store wants codes, the copy
    /// wants them too.
    func forgetDerivedFiles(_ generation: Int64) throws(VectorStoreError) {
        let wantsCodes = try codes(generation) != nil
        try connection.run("DELETE FROM files")
        if wantsCodes { _ = try addCodes(generation) }
    }
}
