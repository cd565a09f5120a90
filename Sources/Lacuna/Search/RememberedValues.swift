/// Remembers the values of the fields by which rows were told apart last.
final class RememberedValues: Sendable {
    private struct Entry: Sendable {
        let field: MetadataField
        let values: FieldValues
        let record: StoreRecord
        let uncounted: UInt32?
    }

    /// The fields used last come last.
    private let entries = Guarded<[Entry]>([])

    private static let limit = 2

    /// The values in a state; nil if they aren't known.
    func values(_ field: MetadataField, _ snapshot: Snapshot) throws -> FieldValues? {
        entries.withLock { entries in
            guard let index = entries.firstIndex(where: { $0.field == field }) else { return nil }
            let entry = entries.remove(at: index)
            guard entry.record == snapshot.record, entry.uncounted != nil, entry.uncounted == snapshot.uncountedChanges
            else { return nil }
            entries.append(entry)
            return entry.values
        }
    }

    func remember(_ values: FieldValues, _ field: MetadataField, _ snapshot: Snapshot) {
        let entry = Entry(field: field, values: values, record: snapshot.record, uncounted: snapshot.uncountedChanges)
        entries.withLock { entries in
            entries.removeAll { $0.field == field }
            entries.append(entry)
            if entries.count > Self.limit { entries.removeFirst() }
        }
    }
}
