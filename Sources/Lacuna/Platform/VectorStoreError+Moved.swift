extension VectorStoreError {
    /// The path that a handle was opened by leads elsewhere, or one of its files does not have its name any more.
    static func moved(_ directory: Directory, _ name: String? = nil) -> VectorStoreError {
        VectorStoreError(.moved, name.map { missing(directory.path($0)) } ?? moved(directory.path))
    }

    private static func moved(_ path: String) -> String {
        "\(path) leads to another store than the one that was opened there, or to none, since it was moved, removed or replaced; "
            + "what is there now was not touched: open the store again where it is"
    }

    private static func missing(_ path: String) -> String {
        "\(path) was removed or replaced while the store was open; what is there now was not touched: open the store again"
    }

    /// This error, or `moved` where the store's directory is no longer at its path: files that are missing are missing by that.
    func explained(by directory: Directory) -> VectorStoreError {
        mayComeOfMoving && !directory.isAtItsPath ? explained(by: .moved(directory)) : self
    }

    var mayComeOfMoving: Bool { [.ioError, .needsReopen, .damaged, .notAStore].contains(code) }

    func explained(by moved: VectorStoreError) -> VectorStoreError {
        VectorStoreError(moved.code, "\(moved.message) (\(message))", ids: ids, cause: self)
    }

    /// A write would change what all of the names lead to, and SQLite would keep two logs of one database.
    static func hardLinks(_ directory: Directory, _ name: String, _ count: Int) -> VectorStoreError {
        VectorStoreError(
            .readOnly,
            "\(directory.path(name)) has \(count) names (hard links), and a write would change what all of them name; "
                + "remove the other names, or copy the store with `cp -a` and use the copy"
        )
    }
}

/// Calls `body`; where it fails since the store's directory is no longer at its path, the error says so.
func explaining<R>(by directory: Directory, _ body: () throws -> R) throws -> R {
    do { return try body() } catch let error as VectorStoreError { throw error.explained(by: directory) }
}
