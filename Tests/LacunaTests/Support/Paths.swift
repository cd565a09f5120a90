import Lacuna

extension Directory {
    /// The names in the directory at a path.
    static func names(_ path: String) throws -> [String] { try Directory(path).names() }

    /// The status of a path; nil if nothing is there.
    static func status(_ path: String) throws -> FileStatus? {
        try Directory(parent(of: path)).status(path.split(separator: "/").last.map(String.init) ?? ".")
    }
}
