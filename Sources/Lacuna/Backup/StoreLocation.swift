#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The place of a store's directory: a name in a parent directory that is held open. The name can be given to another
/// directory in one step.
struct StoreLocation {
    let parent: Directory
    let name: String
    private let fileSystem: any FileSystem

    /// If `path` is a link, the place is the directory to which it leads.
    init(_ path: String, _ fileSystem: any FileSystem) throws(VectorStoreError) {
        self.fileSystem = fileSystem
        let real = if let directory = try? Directory(path) { try mapped(directory.realPath()) } else { path }
        let last = real.split(separator: "/").last.map(String.init) ?? ""
        guard !last.isEmpty, last != ".", last != ".." else {
            throw VectorStoreError(
                .invalidArgument,
                "'\(path)' names no directory that can be made",
                remedy: "choose another path"
            )
        }
        name = last
        do { parent = try Directory(Directory.parent(of: real)) } catch {
            guard error.isNoSuchFile else { throw VectorStoreError(error) }
            throw VectorStoreError(
                .noSuchStore,
                "there is no \(Directory.parent(of: real)) to put \(last) in",
                remedy: "make it first"
            )
        }
    }

    var path: String { parent.path(name) }

    var isTaken: Bool { get throws(VectorStoreError) { try mapped(parent.status(name)) != nil } }

    /// Throws if the place is inside a store: a directory there would move with that store.
    func checkIsOutside() throws(VectorStoreError) {
        for name in [StorePaths.indexName, StorePaths.writerLockName] {
            if try mapped(parent.status(name)) == nil { return }
        }
        throw VectorStoreError(.invalidArgument, "\(path) lies in a store", remedy: "choose a place outside of it")
    }

    func refusal(_ what: String) -> VectorStoreError {
        VectorStoreError(.alreadyExists, "\(path) \(what)")
    }

    // MARK: Beside it

    /// Makes a new directory beside the place, with a name that says what it is.
    func makeSibling(_ kind: String) throws(VectorStoreError) -> (name: String, directory: Directory) {
        let sibling = "\(name).\(kind)-\(String(UInt32.random(in: .min ... .max), radix: 16))"
        return (sibling, try mapped(fileSystem.createDirectory(sibling, in: parent)))
    }

    /// Removes the directory of a store with the store's files. If there are other files, they stay, and so does the
    /// directory. Does nothing if the name leads to another directory, as after an exchange.
    func remove(_ sibling: String, _ directory: Directory) {
        guard let status = try? parent.status(sibling), status.identity == directory.identity else { return }
        for name in (try? directory.names()) ?? [] where StorePaths.isOwnName(name) {
            try? fileSystem.unlink(name, in: directory)
        }
        try? fileSystem.removeDirectory(sibling, in: parent)
    }

    // MARK: Taking it

    /// Gives the place to a directory beside it. The place must be free.
    func putNew(_ sibling: String) throws(VectorStoreError) {
        do { try fileSystem.renameNew(sibling, to: name, in: parent) } catch {
            throw error.isNameTaken ? refusal("exists already") : VectorStoreError(error)
        }
        if !PlantedBug.placeNotSynced.isPlanted { try mapped(fileSystem.sync(parent)) }
    }

    /// Gives the place to a directory beside it, in one step if the file system can do that. Returns the new name of
    /// the directory that was at the place: the sibling's name.
    ///
    /// Otherwise it takes two renames, and the directory that was at the place becomes `NAME.before-…`, which is its
    /// final name. A crash between them leaves no directory at the place.
    func exchange(_ sibling: String) throws(VectorStoreError) -> String {
        var others = sibling
        do { try fileSystem.exchange(sibling, name, in: parent) } catch {
            guard error.isUnsupported || error.errno == EINVAL else { throw movingError(error) }
            others = asideName
            do {
                try fileSystem.rename(name, to: others, in: parent)
                // If this rename were lost and the next one kept, no name would lead to the old directory.
                if !PlantedBug.firstStepNotSynced.isPlanted { try fileSystem.sync(parent) }
                try fileSystem.rename(sibling, to: name, in: parent)
            } catch {
                try? fileSystem.renameNew(others, to: name, in: parent)
                throw movingError(error)
            }
        }
        if !PlantedBug.exchangeNotSynced.isPlanted { try mapped(fileSystem.sync(parent)) }
        return others
    }

    /// Gives the directory that was at the place its final name, unless the exchange has done so. Returns its path.
    func setAside(_ others: String) throws(VectorStoreError) -> String {
        if others.hasPrefix(name + StorePaths.asideInfix) { return parent.path(others) }
        let aside = asideName
        try mapped(fileSystem.renameNew(others, to: aside, in: parent))
        if !PlantedBug.asideNotSynced.isPlanted { try mapped(fileSystem.sync(parent)) }
        return parent.path(aside)
    }

    /// The time is to the millisecond, so that two restores don't choose the same name.
    private var asideName: String {
        let style = Date.ISO8601FormatStyle(
            dateSeparator: .omitted,
            timeSeparator: .omitted,
            includingFractionalSeconds: true
        )
        return name + StorePaths.asideInfix + Date.now.formatted(style).replacing(".", with: "")
    }

    /// Throws if the directory is a mount point, or on another file system: then it can't be moved.
    func checkMovable(_ directory: Directory) throws(VectorStoreError) {
        if directory.identity.device != parent.identity.device { throw mountPoint }
    }

    private func movingError(_ error: SystemError) -> VectorStoreError {
        [EBUSY, EXDEV].contains(error.errno) ? mountPoint : VectorStoreError(error)
    }

    private var mountPoint: VectorStoreError {
        VectorStoreError(
            .invalidArgument,
            "\(path) is a mount point, which can't be replaced in one step",
            remedy: "put the store in a directory below it"
        )
    }
}
