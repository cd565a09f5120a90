import Lacuna

/// The system's file system, which calls `beforeOpening` with each path before it opens it.
struct HookedFileSystem: FileSystemLayer {
    let beforeOpening: @Sendable (String) -> Void

    func open(_ path: String, _ access: FileAccess) throws(SystemError) -> Int32 {
        beforeOpening(path)
        return try below.open(path, access)
    }
}
