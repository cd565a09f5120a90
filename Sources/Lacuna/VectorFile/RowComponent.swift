/// A type in which a reader gets a row's components.
protocol RowComponent: BitwiseCopyable {
    /// The element of the rows that can be read in this type; nil if all can.
    static var element: ElementType? { get }

    /// Calls `body` with the components that begin at an address. The caller must know that this type can have them.
    static func withRow<R, E: Error>(
        of element: ElementType,
        at address: UnsafeRawPointer,
        count: Int,
        _ body: (Span<Self>) throws(E) -> R
    ) throws(E) -> R
}

extension RowComponent {
    /// Calls `body` with the components themselves, which a row's address suits.
    @inline(__always)
    static func withRow<R, E: Error>(
        of element: ElementType,
        at address: UnsafeRawPointer,
        count: Int,
        _ body: (Span<Self>) throws(E) -> R
    ) throws(E) -> R {
        let components = unsafe address.assumingMemoryBound(to: Self.self)
        return try unsafe body(UnsafeBufferPointer(start: components, count: count).span)
    }
}

extension Float: RowComponent {
    static var element: ElementType? { nil }

    /// Calls `body` with floats: components of float32 themselves, others as a copy.
    @inline(__always)
    static func withRow<R, E: Error>(
        of element: ElementType,
        at address: UnsafeRawPointer,
        count: Int,
        _ body: (Span<Float>) throws(E) -> R
    ) throws(E) -> R {
        if element == .float32 {
            let floats = unsafe address.assumingMemoryBound(to: Float.self)
            return try unsafe body(UnsafeBufferPointer(start: floats, count: count).span)
        }
        return try unsafe body(element.floats(at: address, count: count).span)
    }
}

extension Int8: RowComponent {
    static var element: ElementType? { .int8 }
}

#if !((os(macOS) || targetEnvironment(macCatalyst)) && arch(x86_64))
extension Float16: RowComponent {
    static var element: ElementType? { .float16 }
}
#endif
