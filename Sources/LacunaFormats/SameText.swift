extension String {
    /// Whether SQLite takes both for one name: byte by byte, but for the case of ASCII letters.
    func equalsInSQL(_ other: String) -> Bool {
        func folded(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }
        return utf8.elementsEqual(other.utf8) { folded($0) == folded($1) }
    }

    /// Whether both have the same bytes; `==` takes a composed and a decomposed é for one.
    func isSame(_ other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

extension [String] {
    func containsSame(_ text: String) -> Bool { contains { $0.isSame(text) } }
}
