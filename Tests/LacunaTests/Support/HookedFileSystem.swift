import Lacuna

/// The system's file system, which calls `beforeOpening` with each path before it opens it.
struct HookedFileSystem: FileSystemLayer {
    let beforeOpening: @Sendable (String) -> Void

    func open(_ name: String, in directory: Directory, _ access: FileAccess) throws(SystemError) -> Int32 {
        beforeOpening(directory.path(name))
        return try below.open(name, in: directory, access)
    }
}
