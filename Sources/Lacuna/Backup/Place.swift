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

/// Where a store's directory is, or is to be: a name in a directory that is held open, so that it can be given to another
/// directory in one step.
struct Place {
    let parent: Directory
    let name: String
    private let fileSystem: any FileSystem

    /// A link at `path` is followed: what it leads to is meant.
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

    /// A directory inside a store would go wherever the store goes.
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

    /// A new directory beside the place, with a name that says what it is.
    func makeSibling(_ kind: String) throws(VectorStoreError) -> (name: String, directory: Directory) {
        let sibling = "\(name).\(kind)-\(String(UInt32.random(in: .min ... .max), radix: 16))"
        return (sibling, try mapped(fileSystem.createDirectory(sibling, in: parent)))
    }

    /// Removes a store's directory with what a store has in it; whatever else lies there stays, and the directory with it.
    /// Nothing happens where the name leads to another directory, as after an exchange.
    func remove(_ sibling: String, _ directory: Directory) {
        guard let status = try? parent.status(sibling), status.identity == directory.identity else { return }
        for name in (try? directory.names()) ?? [] where StorePaths.isOwnName(name) {
            try? fileSystem.unlink(name, in: directory)
        }
        try? fileSystem.removeDirectory(sibling, in: parent)
    }

    // MARK: Taking it

    /// Gives the place to a directory beside it, where nobody has it.
    func putNew(_ sibling: String) throws(VectorStoreError) {
        do { try fileSystem.renameNew(sibling, to: name, in: parent) } catch {
            throw error.isNameTaken ? refusal("exists already") : VectorStoreError(error)
        }
        if !PlantedBug.placeNotSynced.isPlanted { try mapped(fileSystem.sync(parent)) }
    }

    /// Gives the place to a directory beside it: in one step where the file system can do that. The name that the other one has
    /// then: the sibling's.
    ///
    /// In two, a crash between them leaves no directory at the place, and the one that was there as `NAME.before-…`, which
    /// is the name that it keeps.
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

    /// Names what was at the place before, unless the exchange has done so; its path.
    func setAside(_ others: String) throws(VectorStoreError) -> String {
        if others.hasPrefix(name + StorePaths.asideInfix) { return parent.path(others) }
        let aside = asideName
        try mapped(fileSystem.renameNew(others, to: aside, in: parent))
        if !PlantedBug.asideNotSynced.isPlanted { try mapped(fileSystem.sync(parent)) }
        return parent.path(aside)
    }

    /// To the millisecond, so that two restores don't meet.
    private var asideName: String {
        let style = Date.ISO8601FormatStyle(
            dateSeparator: .omitted,
            timeSeparator: .omitted,
            includingFractionalSeconds: true
        )
        return name + StorePaths.asideInfix + Date.now.formatted(style).replacing(".", with: "")
    }

    /// A mount point can't be moved, nor what lies on another file system.
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
