/// What becomes of a row's metadata if a row without metadata replaces it.
public enum OldMetadata: Sendable {
    /// The id keeps its metadata.
    case keep
    /// The id's metadata are removed.
    case drop
}
