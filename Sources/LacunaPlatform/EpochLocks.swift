/// The two lock files that readers lock shared, by turns: the first in the epochs 0, 2, 4, …, the second in the epochs
/// 1, 3, 5, …
package struct EpochLocks {
    private let locks: [FileLock]

    package static let names = ["readers-0.lock", "readers-1.lock"]

    /// If `creates` is set and this process may, makes missing files with the mode and the owner of `model`; otherwise
    /// the files must exist.
    package init(
        _ directory: Directory,
        creates: Bool,
        like model: @autoclosure () throws(SystemError) -> FileStatus? = nil
    ) throws(SystemError) {
        locks = try Self.names.map { name throws(SystemError) in try Self.open(name, directory, creates, model) }
    }

    private static func open(
        _ name: String,
        _ directory: Directory,
        _ creates: Bool,
        _ model: () throws(SystemError) -> FileStatus?
    ) throws(SystemError) -> FileLock {
        if !creates { return try FileLock(name, in: directory, create: false) }
        do { return try FileLock(name, in: directory, create: true, like: try model()) } catch {
            return try FileLock(name, in: directory, create: false)
        }
    }

    private func lock(of epoch: Int64) -> FileLock { locks[Int(epoch & 1)] }

    /// Whether the file still has a name. If it has none, others lock another file.
    package func isNamed(_ epoch: Int64) -> Bool { lock(of: epoch).isNamed }

    package func lock(_ epoch: Int64, exclusive: Bool, within seconds: Double) throws(SystemError) -> Bool {
        try lock(of: epoch).lock(exclusive: exclusive, within: seconds)
    }

    package func unlock(_ epoch: Int64) { lock(of: epoch).unlock() }

    /// Locks both shared, for readers that can't see the current epoch. Locks neither if a writer holds one of them for
    /// longer than `seconds`.
    package func lockBoth(within seconds: Double) throws(SystemError) -> Bool {
        guard try lock(0, exclusive: false, within: seconds) else { return false }
        if try lock(1, exclusive: false, within: seconds) { return true }
        unlock(0)
        return false
    }

    /// Whether both are free for a moment within `seconds`: then there are no readers, or only short reads.
    package func areFree(within seconds: Double) throws(SystemError) -> Bool {
        for epoch: Int64 in 0...1 {
            guard try lock(epoch, exclusive: true, within: seconds) else { return false }
            unlock(epoch)
        }
        return true
    }
}
