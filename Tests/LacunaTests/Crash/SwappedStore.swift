import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A change to a store's directory, or to the files in it, while a handle has it open.
enum Swap: String, CaseIterable, Sendable {
    /// The directory is renamed away, and another store is put at its path.
    case renamed
    /// The path is a link, which is changed to lead to another store.
    case linkFlipped
    /// All files are unlinked, and the directory is removed.
    case removed
    /// The directory is renamed away, and an older copy of the same store is put at its path.
    case replacedByBackup
    /// The files of an older copy are renamed over its own, one by one.
    case filesReplaced
}

/// A store that is opened at `path`, and the store that takes its place.
struct SwappedStore: Sendable {
    let swap: Swap
    let parent: String

    /// The path at which handles open the store.
    var path: String { parent + "/store" }
    /// The store's path after the swap; nil if it no longer exists as it was.
    var movedPath: String? {
        switch swap {
        case .renamed, .replacedByBackup: parent + "/moved"
        case .linkFlipped: parent + "/first"
        case .removed, .filesReplaced: nil
        }
    }

    private var replacement: String { parent + "/other" }

    /// Puts the files of `store` where handles open it, and those of `other` beside it.
    init(_ swap: Swap, in parent: String, store: [String: FileImage], other: [String: FileImage]) throws {
        self.swap = swap
        self.parent = parent
        let first = swap == .linkFlipped ? parent + "/first" : path
        try Self.write(store, to: first)
        if swap == .linkFlipped { try #require(unsafe symlink("first", path) == 0) }
        if swap != .removed { try Self.write(other, to: replacement) }
    }

    private static func write(_ files: [String: FileImage], to directory: String) throws {
        try TestFiles.makeDirectory(directory)
        for (name, image) in files { try image.materialise(at: directory + "/" + name) }
    }

    /// Makes the swap. It only changes names, and opens no file.
    func take() {
        switch swap {
        case .renamed, .replacedByBackup:
            rename(path, to: parent + "/moved")
            rename(replacement, to: path)
        case .linkFlipped:
            _ = unsafe symlink("other", parent + "/new link")
            rename(parent + "/new link", to: path)
        case .removed: TestFiles.remove(path)
        case .filesReplaced:
            for name in (try? Directory.names(replacement)) ?? [] {
                rename(replacement + "/" + name, to: path + "/" + name)
            }
        }
    }

    private func rename(_ from: String, to: String) {
        #if canImport(Darwin)
        let code = unsafe Darwin.rename(from, to)
        #else
        let code = unsafe Glibc.rename(from, to)
        #endif
        #expect(code == 0, "\(from): errno \(errno)")
    }

    /// The path of the other store's files after the swap; nil if there are none.
    private var othersPath: String? { swap == .removed ? nil : path }

    /// Throws unless each file of the other store has the same bytes as before, and none is missing. If that store has
    /// a directory of its own, nothing may have been added either.
    func checkOther(_ other: [String: FileImage]) throws {
        guard let othersPath else {
            if TestFiles.exists(path) { throw CrashModel.Mismatch(what: "the removed directory is there again") }
            return
        }
        for (name, image) in other {
            guard TestFiles.exists(othersPath + "/" + name) else {
                throw CrashModel.Mismatch(what: "\(name) of the other store is gone")
            }
            guard FileImage(try TestFiles.read(othersPath + "/" + name)) == image else {
                throw CrashModel.Mismatch(what: "\(name) of the other store was changed")
            }
        }
        if swap == .filesReplaced { return }
        let names = Set(try Directory.names(othersPath))
        guard names == Set(other.keys) else { throw CrashModel.Mismatch(what: "the other store has \(names.sorted())") }
    }
}
