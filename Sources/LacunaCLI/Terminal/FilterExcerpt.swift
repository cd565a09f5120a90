import Lacuna
import LacunaFormats

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

extension FilterPlace {
    /// The filter's text around the place, and a line below that points at the place.
    func excerpt(width: Int = Terminal.width(STDERR_FILENO) ?? 80) -> String {
        let bytes = Array(text.utf8)
        var place = self.bytes.clamped(to: 0..<bytes.count)
        // A place may begin or end inside of a character.
        func isInside(_ position: Int) -> Bool { position < bytes.count && bytes[position] & 0xC0 == 0x80 }
        while isInside(place.lowerBound) { place = place.lowerBound - 1..<place.upperBound }
        while isInside(place.upperBound) { place = place.lowerBound..<place.upperBound + 1 }
        func line(_ range: Range<Int>) -> String { singleLine(String(decoding: bytes[range], as: UTF8.self)) }
        var before = line(0..<place.lowerBound)
        if before.columns > width / 2 {
            var room = width / 2 - 1
            let end = before.reversed().prefix { character in
                room -= character.columns
                return room >= 0
            }
            before = "…" + String(end.reversed())
        }
        let marked = line(place)
        let after = line(place.upperBound..<bytes.count)
        let room = max(1, width - 2 - before.columns)
        let marks = String(repeating: "^", count: max(1, min(marked.columns, room)))
        return "  \((before + marked + after).cut(max(1, width - 2)))\n  \("".padded(before.columns))\(marks)"
    }
}
