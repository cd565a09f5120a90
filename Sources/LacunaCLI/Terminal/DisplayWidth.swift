/// The columns that a text takes on a terminal: wide characters take two, and combining ones none.
extension Character {
    var columns: Int {
        if isASCII { return 1 }
        guard let first = unicodeScalars.first else { return 0 }
        switch first.properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format: return 0
        default: break
        }
        // U+FE0F asks for the picture of a character that is also a symbol.
        let isPicture =
            first.properties.isEmojiPresentation
            || first.properties.isEmoji && unicodeScalars.contains { $0.value == 0xFE0F }
        return isPicture || Self.wide.contains { $0.contains(first.value) } ? 2 : 1
    }

    /// The blocks of Unicode whose characters are wide or of full width (Unicode Standard Annex 11).
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xA960...0xA97C, 0xAC00...0xD7A3, 0xF900...0xFAFF,
        0xFE10...0xFE19, 0xFE30...0xFE6B, 0xFF01...0xFF60, 0xFFE0...0xFFE6, 0x16FE0...0x18D08, 0x1AFF0...0x1B2FB,
        0x1F200...0x1F265, 0x20000...0x3FFFD,
    ]
}

extension StringProtocol {
    /// The number of columns on a terminal.
    var columns: Int { reduce(0) { $0 + $1.columns } }
}

extension String {
    func leftPadded(_ width: Int) -> String { String(repeating: " ", count: max(0, width - columns)) + self }
    func padded(_ width: Int) -> String { self + String(repeating: " ", count: max(0, width - columns)) }

    /// The text, or its beginning and `…` if it takes more columns.
    func cut(_ width: Int) -> String {
        // No character takes more columns than it has bytes.
        if utf8.count <= width || columns <= width { return self }
        var rest = max(0, width - 1)
        let beginning = prefix { character in
            rest -= character.columns
            return rest >= 0
        }
        return width > 0 ? beginning + "…" : ""
    }
}
