import Lacuna

extension Connection {
    /// The database at a path. A new one keeps its rollback journal in memory, since one on disk is refused.
    convenience init(_ path: String, _ mode: Mode) throws(VectorStoreError) {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        do { try self.init(name, in: Directory(Directory.parent(of: path)), mode) } catch let error as VectorStoreError
        {
            throw error
        } catch { throw VectorStoreError(.noSuchStore, "\(error)") }
        if mode == .create { try run("PRAGMA journal_mode = MEMORY") }
    }
}

extension Directory {
    /// The names in the directory at a path.
    static func names(_ path: String) throws -> [String] { try Directory(path).names() }

    /// What is at a path; nil if nothing is.
    static func status(_ path: String) throws -> FileStatus? {
        try Directory(parent(of: path)).status(path.split(separator: "/").last.map(String.init) ?? ".")
    }
}
