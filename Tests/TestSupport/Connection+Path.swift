package import Lacuna

extension Connection {
    /// Opens the database at a path. A new one keeps its rollback journal in memory, because a journal on disk is
    /// refused.
    package convenience init(_ path: String, _ mode: Mode) throws(VectorStoreError) {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        do { try self.init(name, in: Directory(Directory.parent(of: path)), mode) } catch let error as VectorStoreError
        {
            throw error
        } catch { throw VectorStoreError(.noSuchStore, "\(error)") }
        if mode == .create { try run("PRAGMA journal_mode = MEMORY") }
    }
}
