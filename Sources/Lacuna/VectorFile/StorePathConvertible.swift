#if canImport(FoundationEssentials)
public import FoundationEssentials
#else
public import Foundation
#endif
#if canImport(System)
public import System
#endif

/// A place in the file system: a `String`, a file `URL`, or, on Apple's systems, a `FilePath`.
public protocol StorePathConvertible: Sendable {
    /// The path, absolute or relative to the process's current directory.
    var storePath: String { get }
}

extension String: StorePathConvertible {
    /// The text itself.
    public var storePath: String { self }
}

extension URL: StorePathConvertible {
    /// The URL's path, without percent encoding. The URL must be a file URL: the path of another names some file, too.
    public var storePath: String { path(percentEncoded: false) }
}

#if canImport(System)
extension FilePath: StorePathConvertible {
    /// The path's text.
    public var storePath: String { string }
}
#endif
