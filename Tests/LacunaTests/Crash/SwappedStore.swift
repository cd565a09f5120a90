import Testing

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// What happens to a store's directory, or to the files in it, while a handle has it open.
enum Swap: String, CaseIterable, Sendable {
    /// Renamed away, and another store put at its path.
    case renamed
    /// A link at the path, which leads to another store from now on.
    case linkFlipped
    /// All files unlinked, and the directory removed.
    case removed
    /// Renamed away, and an older copy of the same store put at its path.
    case replacedByBackup
    /// The files of an older copy renamed over its own, one by one.
    case filesReplaced
}

/// A store that is opened at `path`, and whatever takes its place.
struct SwappedStore: Sendable {
    let swap: Swap
    let parent: String

    /// Where handles open it.
    var path: String { parent + "/store" }
    /// Where it is once it was swapped; nil where it is nowhere as it was.
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

    /// What is done behind the handle's back. Names only: no file is opened.
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

    /// Where the other store's files are after the swap; nil where there are none.
    private var othersPath: String? { swap == .removed ? nil : path }

    /// Throws unless each file of the other store has the bytes that it had, and none is missing; where it has a directory of
    /// its own, nothing was added either.
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
