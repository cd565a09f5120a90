/// The data file of the newest generation that this process has opened, shared by the handle's threads.
final class CurrentFile: Sendable {
    private let file = Guarded<DataFile?>(nil)

    var value: DataFile? { file.withLock { $0 } }

    /// Takes a newer generation's file; an older one is ignored. Readers of the file before keep it alive.
    ///
    /// If both files are of one generation, the writable one stays, even if a reader brings its own later.
    func advance(to newer: DataFile) {
        file.withLock { file in
            guard let current = file else {
                file = newer
                return
            }
            let generations = (newer.header.generation, current.header.generation)
            if generations.0 > generations.1 || generations.0 == generations.1 && newer.isWritable { file = newer }
        }
    }

    func clear() { file.withLock { $0 = nil } }
}
