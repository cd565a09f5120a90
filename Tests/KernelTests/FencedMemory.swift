#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// Memory between two pages that may not be touched: a read or write one byte outside it ends the process.
@safe struct FencedMemory: ~Copyable {
    private let mapping: UnsafeMutableRawBufferPointer
    private let inside: UnsafeMutableRawBufferPointer

    /// At least `minimumCount` bytes, in whole pages.
    init(minimumCount: Int) {
        let page = Int(getpagesize())
        let count = (minimumCount + page - 1) / page * page
        let start = unsafe mmap(nil, count + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1, 0)
        guard let start = unsafe start, unsafe start != MAP_FAILED else { fatalError("mmap: errno \(errno)") }
        unsafe mapping = UnsafeMutableRawBufferPointer(start: start, count: count + 2 * page)
        unsafe inside = UnsafeMutableRawBufferPointer(rebasing: mapping[page..<page + count])
        guard unsafe mprotect(inside.baseAddress, count, PROT_READ | PROT_WRITE) == 0 else {
            fatalError("mprotect: errno \(errno)")
        }
    }

    deinit { unsafe munmap(mapping.baseAddress, mapping.count) }

    /// Lends `values`, copied so that they begin right after the first fence or end right before the second.
    func withCopy<Element: BitwiseCopyable, Result>(
        of values: [Element],
        at edge: Edge,
        _ body: (UnsafeBufferPointer<Element>) -> Result
    ) -> Result {
        let byteCount = values.count * MemoryLayout<Element>.stride
        let start = unsafe edge == .start ? 0 : inside.count - byteCount
        let place = unsafe UnsafeMutableRawBufferPointer(rebasing: inside[start..<start + byteCount])
        unsafe values.withUnsafeBytes { unsafe place.copyMemory(from: $0) }
        return unsafe place.withMemoryRebound(to: Element.self) { unsafe body(UnsafeBufferPointer($0)) }
    }

    enum Edge: CaseIterable, Sendable {
        case start, end
    }
}
