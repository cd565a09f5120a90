import Synchronization

/// The data file of the newest generation that this process has opened, shared by the handle's threads.
package final class CurrentFile: Sendable {
    private let file = Mutex<DataFile?>(nil)

    package init() {}

    package var value: DataFile? { file.withLock { $0 } }

    /// Takes a newer generation's file; an older one stays out. Whoever still reads the file before keeps it alive.
    package func advance(to newer: DataFile) {
        file.withLock { file in
            if newer.header.generation >= file?.header.generation ?? 0 { file = newer }
        }
    }

    package func clear() { file.withLock { $0 = nil } }
}
