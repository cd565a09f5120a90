#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Refuses a path that leads into the store's directory in any way, since a command that reads touches nothing there.
func checkIsOutside(_ path: String, ofStore store: String) throws(CommandError) {
    let parent = path.lastIndex(of: "/").map { path[...$0] } ?? "."
    guard let directory = resolvedPath(String(parent)), let store = resolvedPath(store),
        "\(directory)/".utf8.starts(with: "\(store)/".utf8)
    else { return }
    throw .usage("'\(path)' lies in the store's directory, which isn't touched", remedy: "name a file outside of it")
}

/// The path without links and dots; nil if it doesn't exist.
private func resolvedPath(_ path: String) -> String? {
    guard let resolved = unsafe realpath(path, nil) else { return nil }
    defer { unsafe free(resolved) }
    return unsafe String(cString: resolved)
}
