#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

extension VectorStoreError: LocalizedError {
    /// The problem and the remedy. It makes `localizedDescription` the same.
    public var errorDescription: String? { description }

    /// The problem.
    public var failureReason: String? { problem }

    /// The remedy.
    public var recoverySuggestion: String? { remedy.description }
}
