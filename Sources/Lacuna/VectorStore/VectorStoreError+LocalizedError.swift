#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif

extension VectorStoreError: LocalizedError {
    /// The message, which is what `localizedDescription` then says too.
    public var errorDescription: String? { message }
}
