#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A store's directory, held open, and the names in it.
package struct StorePaths: Sendable {
    package let directory: Directory

    /// - Throws: `noSuchStore` or `notAStore` if there is no directory.
    package init(_ path: String) throws(VectorStoreError) {
        do { directory = try Directory(path) } catch {
            switch error.errno {
            case _ where error.isNoSuchFile && !Directory.isThere(path):
                throw VectorStoreError(
                    .noSuchStore,
                    "there is no store at \(path)",
                    remedy: Self.remedy(path),
                    cause: error
                )
            case ENOTDIR:
                throw VectorStoreError(
                    .notAStore,
                    "\(path) is a file, and a store is a directory",
                    cause: error
                )
            default: throw VectorStoreError(error)
            }
        }
    }

    init(_ directory: Directory) { self.directory = directory }

    package static let indexName = "index.sqlite"
    package static let logName = indexName + "-wal"
    static let sharedMemoryName = indexName + "-shm"
    package static let writerLockName = "writer.lock"
    static let indexNames = [indexName, logName, sharedMemoryName]
    /// This name exists only while a store is created.
    static let newIndexName = indexName + ".new"
    /// The files that an interrupted creation may leave besides locks.
    static let unfinishedNames = firstDataFileNames.union([newIndexName, logName, sharedMemoryName])
    /// The names that the data file of a new store may have.
    static let firstDataFileNames = Set(ElementType.allCases.map { dataFileName(generation: 1, $0) })

    /// When a backup takes a store's place, this and the time are appended to the store's name.
    static let asideInfix = ".before-"

    /// If a restore was interrupted between two renames, the old store has such a name, and nothing is at the path.
    private static func remedy(_ path: String) -> VectorStoreError.Remedy? {
        let name = (path.split(separator: "/").last.map(String.init) ?? "") + asideInfix
        let names = (try? Directory(Directory.parent(of: path)).names()) ?? []
        guard let aside = names.last(where: { $0.hasPrefix(name) }) else { return nil }
        return """
            a restore that was interrupted moved the store aside, to \(aside) in the same directory: run \(.restore) again, \
            or give that directory its old name
            """
    }

    /// The status of the index, whose mode and owner the other files of the store get; nil if there is no index yet.
    func model() throws(SystemError) -> FileStatus? { try directory.status(Self.indexName) }

    /// `vectors-<generation>.<the element's ending>`
    package static func dataFileName(generation: Int64, _ element: ElementType) -> String {
        "\(dataFilePrefix)\(generation).\(element.nameEnding)"
    }

    private static let dataFilePrefix = "vectors-"

    /// The generation in a data file's name; nil for any other name.
    static func generation(ofDataFile name: String) -> Int64? {
        guard name.hasPrefix(dataFilePrefix), let dot = name.lastIndex(of: "."),
            let element = ElementType.allCases.first(where: { $0.nameEnding == name[dot...].dropFirst() }),
            let generation = Int64(name[..<dot].dropFirst(dataFilePrefix.count)), generation >= 1
        else { return nil }
        // Accepts only our own spelling: not "+1" or "01".
        return dataFileName(generation: generation, element) == name ? generation : nil
    }

    static func derivedFileName(_ number: Int64, _ kind: String) -> String { "derived-\(number).\(kind)" }

    /// Whether a name is `derived-<number>.<kind>`. If the index lists another name, that file is never unlinked.
    static func isDerivedFileName(_ name: String) -> Bool {
        name.wholeMatch(of: /derived-[0-9]{1,18}\.[a-z0-9]{1,16}/) != nil
    }

    /// The status of a derived file; nil if there is no regular file with the name.
    func derivedFileStatus(_ name: String) throws(SystemError) -> FileStatus? {
        guard let status = try directory.status(name), status.otherKind == nil else { return nil }
        return status
    }

    /// Whether a complete or unfinished store may have the name.
    static func isOwnName(_ name: String) -> Bool {
        isFixedName(name) || name.hasPrefix(newIndexName) || generation(ofDataFile: name) != nil
            || isDerivedFileName(name)
    }

    /// Whether every store may have the name, apart from its data files.
    static func isFixedName(_ name: String) -> Bool {
        name == writerLockName || EpochLocks.names.contains(name) || indexNames.contains(name)
    }
}
