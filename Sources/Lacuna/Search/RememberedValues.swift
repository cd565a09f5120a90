/// Remembers the values of the fields by which rows were told apart last.
final class RememberedValues: Sendable {
    private struct Entry: Sendable {
        let field: MetadataField
        let values: FieldValues
        let state: RememberedState
    }

    /// The fields used last come last.
    private let entries = Guarded<[Entry]>([])
    /// The metadata that this handle's commits have changed; nil for a handle that only reads.
    private let changes: MetadataChanges?

    private static let limit = 2

    init(_ changes: MetadataChanges?) { self.changes = changes }

    /// The values in a state; nil if they aren't known. After commits of this handle, only the rows that these have
    /// changed are read.
    func values(_ field: MetadataField, _ snapshot: Snapshot) throws -> FieldValues? {
        let known = entries.withLock { entries in entries.last { $0.field == field } }
        guard let known, let changed = try known.state.changes(until: snapshot, changes) else { return nil }
        var values = known.values
        try values.read(field, of: changed.metadata + changed.rows, snapshot)
        remember(values, field, snapshot)
        return values
    }

    func forget() { entries.withLock { $0 = [] } }

    func remember(_ values: FieldValues, _ field: MetadataField, _ snapshot: Snapshot) {
        let entry = Entry(field: field, values: values, state: RememberedState(snapshot))
        entries.withLock { entries in
            entries.removeAll { $0.field == field }
            entries.append(entry)
            if entries.count > Self.limit { entries.removeFirst() }
        }
    }
}
