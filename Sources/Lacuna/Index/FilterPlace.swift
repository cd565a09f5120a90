/// A place in a filter's text, as the cause of an error: programs that have the text from a person can point at it.
package struct FilterPlace: Error, Sendable, CustomStringConvertible {
    /// The text of the expression, as it was given.
    package let text: String
    /// The bytes of the text that can't be used; empty at the end of a text that ends too early.
    package let bytes: Range<Int>

    /// The text may contain metadata, so it isn't there.
    package var description: String { "byte \(bytes.lowerBound + 1) of the filter" }
}

extension VectorStoreError {
    /// The same error with the place that it is about. An error that has a place keeps it.
    func at(_ place: FilterPlace?) -> VectorStoreError {
        guard code == .invalidFilter, cause == nil, let place else { return self }
        return VectorStoreError(code, problem, remedy: remedy, cause: place)
    }
}
