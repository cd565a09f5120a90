/// The entries of a ZIP file, as its central directory lists them.
///
/// It reads what `numpy.savez` writes: stored entries, also with the 64-bit fields of ZIP64. Each number is checked
/// against the file's length before it is used.
struct ZIPDirectory {
    struct Entry {
        let name: String
        let isStored: Bool
        /// The offset of the entry's local header.
        fileprivate let headerOffset: Int
        fileprivate let bytes: Int
        fileprivate let checksum: UInt32
    }

    private static let endBytes = 22
    private static let locatorBytes = 20
    private static let headerBytes = 46
    private static let localHeaderBytes = 30
    private static let maximumCommentBytes = 65_535
    /// A directory of 16 MiB has over 100,000 entries.
    private static let maximumBytes = 16 << 20

    let entries: [Entry]
    private let file: InputFile
    private let length: Int

    init(_ file: InputFile) throws(FormatError) {
        guard let length = file.length else {
            throw FormatError.invalid(
                file.path,
                "a .npz file is read from its end, which a pipe doesn't allow",
                remedy: "save it as a file first"
            )
        }
        self.file = file
        self.length = length
        let (offset, bytes) = try Self.findDirectory(file, length)
        guard offset >= 0, bytes >= 0, bytes <= Self.maximumBytes, offset <= length, bytes <= length - offset else {
            throw Self.damaged(file)
        }
        var directory: [UInt8] = []
        try file.read(bytes, into: &directory, at: offset)
        var entries: [Entry] = []
        var position = 0
        while position < directory.count {
            guard let (entry, next) = Self.entry(directory, position) else { throw Self.damaged(file) }
            entries.append(entry)
            position = next
        }
        self.entries = entries
    }

    /// The content of a stored entry, as a file of its own.
    func content(of entry: Entry) throws(FormatError) -> InputFile {
        guard entry.headerOffset >= 0, entry.headerOffset <= length - Self.localHeaderBytes else {
            throw Self.damaged(file)
        }
        var header: [UInt8] = []
        try file.read(Self.localHeaderBytes, into: &header, at: entry.headerOffset)
        guard header.starts(with: [0x50, 0x4B, 3, 4]) else { throw Self.damaged(file) }
        let start = entry.headerOffset + Self.localHeaderBytes + header.number(26, 2) + header.number(28, 2)
        guard entry.bytes >= 0, start <= length, entry.bytes <= length - start else { throw Self.damaged(file) }
        let name = "\(file.path), \(entry.name)"
        return InputFile(file, part: start..<start + entry.bytes, name: name, checksum: entry.checksum)
    }

    private static func damaged(_ file: InputFile) -> FormatError {
        .invalid(file.path, "not a .npz file, or it was cut short", remedy: "copy or save it again")
    }

    private static func findDirectory(_ file: InputFile, _ length: Int) throws(FormatError) -> (offset: Int, bytes: Int)
    {
        let tailBytes = min(length, endBytes + maximumCommentBytes)
        var tail: [UInt8] = []
        try file.read(tailBytes, into: &tail, at: length - tailBytes)
        let candidates = stride(from: tailBytes - endBytes, through: 0, by: -1)
        guard tailBytes >= endBytes,
            let end = candidates.first(where: {
                tail[$0...].starts(with: [0x50, 0x4B, 5, 6]) && $0 + endBytes + tail.number($0 + 20, 2) == tailBytes
            })
        else { throw damaged(file) }
        let (bytes, offset) = (tail.number(end + 12, 4), tail.number(end + 16, 4))
        guard bytes == 0xFFFF_FFFF || offset == 0xFFFF_FFFF || tail.number(end + 10, 2) == 0xFFFF else {
            return (offset, bytes)
        }
        // The 64-bit record is where its locator, right before the end, says.
        guard end >= locatorBytes, tail[(end - locatorBytes)...].starts(with: [0x50, 0x4B, 6, 7]) else {
            throw damaged(file)
        }
        let recordOffset = tail.number(end - locatorBytes + 8, 8)
        var record: [UInt8] = []
        guard recordOffset >= 0, recordOffset <= length - 56 else { throw damaged(file) }
        try file.read(56, into: &record, at: recordOffset)
        guard record.starts(with: [0x50, 0x4B, 6, 6]) else { throw damaged(file) }
        return (record.number(48, 8), record.number(40, 8))
    }

    private static func entry(_ directory: [UInt8], _ position: Int) -> (Entry, next: Int)? {
        guard directory.count - position >= headerBytes, directory[position...].starts(with: [0x50, 0x4B, 1, 2]) else {
            return nil
        }
        let nameEnd = position + headerBytes + directory.number(position + 28, 2)
        let extraEnd = nameEnd + directory.number(position + 30, 2)
        let next = extraEnd + directory.number(position + 32, 2)
        guard next <= directory.count else { return nil }
        var unpacked = directory.number(position + 24, 4)
        var packed = directory.number(position + 20, 4)
        var offset = directory.number(position + 42, 4)
        // Numbers of 32 bits that are full stand in the 64-bit field, in this order.
        var field = nameEnd
        while field + 4 <= extraEnd, directory.number(field, 2) != 1 { field += 4 + directory.number(field + 2, 2) }
        field += 4
        func take(_ number: inout Int) -> Bool {
            if number != 0xFFFF_FFFF { return true }
            guard field + 8 <= extraEnd else { return false }
            number = directory.number(field, 8)
            field += 8
            return true
        }
        guard take(&unpacked), take(&packed), take(&offset) else { return nil }
        let isEncrypted = directory.number(position + 8, 2) & 1 != 0
        let isStored = directory.number(position + 10, 2) == 0 && packed == unpacked && !isEncrypted
        let name = String(decoding: directory[position + headerBytes..<nameEnd], as: UTF8.self)
        let checksum = UInt32(directory.number(position + 16, 4))
        return (Entry(name: name, isStored: isStored, headerOffset: offset, bytes: packed, checksum: checksum), next)
    }
}

extension [UInt8] {
    /// The little-endian number of `count` bytes at `offset`. One of 8 bytes may be negative.
    fileprivate func number(_ offset: Int, _ count: Int) -> Int {
        Int(truncatingIfNeeded: (0..<count).reduce(UInt64(0)) { $0 | UInt64(self[offset + $1]) << (8 * UInt64($1)) })
    }
}
