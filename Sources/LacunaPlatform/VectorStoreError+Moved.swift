extension VectorStoreError {
    /// The path that a handle was opened by leads elsewhere, or one of the store's files has lost its name.
    package static func moved(_ directory: Directory, _ name: String? = nil) -> VectorStoreError {
        let what =
            name.map { "\(directory.path($0)) was removed or replaced while the store" }
            ?? "the store at \(directory.path) was moved, removed or replaced while it"
        return VectorStoreError(.moved, "\(what) was open, and what is there now was not touched")
    }

    /// This error, or `moved` if the store's directory is no longer at its path, because that explains missing files.
    package func explained(by directory: Directory) -> VectorStoreError {
        mayComeOfMoving && !directory.isAtItsPath ? explained(by: .moved(directory)) : self
    }

    package var mayComeOfMoving: Bool { [.ioError, .needsReopen, .damaged, .notAStore].contains(code) }

    package func explained(by moved: VectorStoreError) -> VectorStoreError {
        let both = "\(moved.problem): \(problem)"
        return VectorStoreError(moved.code, both, remedy: moved.remedy, ids: ids, cause: self)
    }

    /// A file has hard links: a write would change the file under all of its names, and SQLite would keep two logs of
    /// one database.
    package static func hardLinks(_ directory: Directory, _ name: String, _ count: Int) -> VectorStoreError {
        VectorStoreError(
            .readOnly,
            "\(directory.path(name)) has \(count) names (hard links), and a write would change what all of them name",
            remedy: "remove the other names, or copy the store with `cp -a` and use the copy"
        )
    }
}

/// Calls `body`. If it fails because the store's directory is no longer at its path, the error says so.
package func explaining<R>(by directory: Directory, _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as VectorStoreError { throw error.explained(by: directory) }
}
