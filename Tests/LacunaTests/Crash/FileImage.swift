import TestSupport

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A file's content in pages, which copies share: so a moment of a disk costs only the changes since the moment before.
struct FileImage: Equatable, Sendable {
    private(set) var length: Int64 = 0
    /// A missing page is all zeros.
    private var pages: [[UInt8]?] = []

    static let pageSize = 4_096
    private static let zeros = [UInt8](repeating: 0, count: pageSize)

    init() {}

    init(_ bytes: [UInt8]) {
        setLength(Int64(bytes.count))
        for start in stride(from: 0, to: bytes.count, by: Self.pageSize) {
            let page = bytes[start..<min(bytes.count, start + Self.pageSize)]
            let isZero = unsafe page.withUnsafeBytes { page in
                unsafe Self.zeros.withUnsafeBytes { zeros in
                    unsafe memcmp(page.baseAddress.unsafelyUnwrapped, zeros.baseAddress.unsafelyUnwrapped, page.count)
                        == 0
                }
            }
            if !isZero { write(page, at: Int64(start)) }
        }
    }

    var pageCount: Int { pages.count }

    func page(_ number: Int) -> [UInt8] { number < pages.count ? pages[number] ?? Self.zeros : Self.zeros }

    /// The content, without the pages of zeros at its end: data files are longer than their rows.
    var bytes: [UInt8] {
        let end = (pages.lastIndex { $0 != nil } ?? -1) + 1
        var bytes: [UInt8] = []
        for number in 0..<end { bytes += page(number) }
        if Int64(bytes.count) > length { bytes.removeLast(bytes.count - Int(length)) }
        return bytes
    }

    // MARK: Changes

    /// Bytes beyond the end extend the file.
    mutating func write(_ bytes: [UInt8], at offset: Int64) { write(bytes[...], at: offset) }

    mutating func write(_ bytes: ArraySlice<UInt8>, at offset: Int64) {
        if bytes.isEmpty { return }
        extend(to: offset + Int64(bytes.count))
        var done = 0
        while done < bytes.count {
            let position = Int(offset) + done
            let (number, start) = position.quotientAndRemainder(dividingBy: Self.pageSize)
            let count = min(Self.pageSize - start, bytes.count - done)
            unsafe change(number) { page in
                unsafe bytes.withUnsafeBytes { source in
                    _ = unsafe memcpy(page + start, source.baseAddress.unsafelyUnwrapped + done, count)
                }
            }
            done += count
        }
    }

    /// Writes zeros where there are bytes; the length stays.
    mutating func zero(_ range: Range<Int64>) {
        var position = Int(range.lowerBound)
        let end = Int(min(range.upperBound, length))
        while position < end {
            let (number, start) = position.quotientAndRemainder(dividingBy: Self.pageSize)
            let count = min(Self.pageSize - start, end - position)
            if count == Self.pageSize {
                pages[number] = nil
            } else if pages[number] != nil {
                unsafe change(number) { page in _ = unsafe memset(page + start, 0, count) }
            }
            position += count
        }
    }

    mutating func extend(to length: Int64) { if length > self.length { setLength(length) } }

    mutating func setLength(_ length: Int64) {
        if length < self.length { zero(length..<self.length) }
        self.length = length
        let count = (Int(length) + Self.pageSize - 1) / Self.pageSize
        if count < pages.count { pages.removeLast(pages.count - count) }
        while pages.count < count { pages.append(nil) }
    }

    private mutating func change(_ number: Int, _ body: (UnsafeMutableRawPointer) -> Void) {
        var page: [UInt8] = pages[number] ?? Self.zeros
        pages[number] = nil
        unsafe page.withUnsafeMutableBytes { unsafe body($0.baseAddress.unsafelyUnwrapped) }
        pages[number] = page
    }

    // MARK: Out of the model

    /// Adds the content to a hash; the same content gives the same number.
    func hash(into hash: inout UInt64) {
        hash.mix(UInt64(bitPattern: length))
        for (number, page) in pages.enumerated() {
            guard let page else { continue }
            let sum = unsafe page.withUnsafeBytes { bytes in
                var checksum = Checksum()
                unsafe checksum.update(bytes)
                let count = bytes.count
                var second = Checksum()
                unsafe second.update(UnsafeRawBufferPointer(rebasing: bytes[(count / 2)...]))
                return UInt64(checksum.value) << 32 | UInt64(second.value)
            }
            // A page of written zeros counts as a missing page.
            if sum != Self.sumOfZeros {
                hash.mix(UInt64(number))
                hash.mix(sum)
            }
        }
    }

    private static let sumOfZeros: UInt64 = {
        var whole = Checksum()
        var half = Checksum()
        unsafe zeros.withUnsafeBytes { bytes in
            unsafe whole.update(bytes)
            unsafe half.update(UnsafeRawBufferPointer(rebasing: bytes[(bytes.count / 2)...]))
        }
        return UInt64(whole.value) << 32 | UInt64(half.value)
    }()

    /// Makes the file, with holes in place of missing pages.
    func materialise(at path: String) throws {
        let descriptor = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        if descriptor < 0 { throw TestFiles.Failure(errno: errno) }
        defer { close(descriptor) }
        for (number, page) in pages.enumerated() {
            guard let page else { continue }
            let offset = number * Self.pageSize
            let count = min(Self.pageSize, Int(length) - offset)
            let written = unsafe page.withUnsafeBytes {
                unsafe pwrite(descriptor, $0.baseAddress, count, off_t(offset))
            }
            if written != count { throw TestFiles.Failure(errno: errno) }
        }
        if ftruncate(descriptor, off_t(length)) != 0 { throw TestFiles.Failure(errno: errno) }
    }
}

extension UInt64 {
    /// Makes one step of SplitMix64 with the value so far and a new one.
    mutating func mix(_ value: UInt64) {
        var generator = SplitMix64(seed: self ^ value)
        self = generator.next()
    }
}
