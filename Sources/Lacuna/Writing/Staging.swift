/// What a compaction that is under way needs to hear of every write.
///
/// Touched only in the writer's turn (``Writer/exclusively(_:)``), like the connection.
package final class Staging {
    private(set) var isActive = false
    /// The generation of a rewrite's new file; nil where rows move within the current one.
    private(set) var target: Int64?
    /// Rows of the target generation that are committed.
    var stagedRows = 0
    /// `PRAGMA data_version` when it began: another one at the end means that another program wrote to the index
    /// meanwhile, which noted nothing of this.
    private(set) var foreignVersion: Int64 = 0

    func begin(target: Int64?, foreignVersion: Int64) {
        isActive = true
        self.target = target
        self.foreignVersion = foreignVersion
        stagedRows = 0
    }

    func retarget(_ target: Int64) { self.target = target }

    func end() {
        isActive = false
        target = nil
    }
}
