/// Finds the word that was meant by a mistyped one.
package enum Spelling {
    /// The nearest of the words, if few letters differ; nil if none is near. Capitals count like small letters.
    package static func nearest(to text: String, among words: some Sequence<String>) -> String? {
        let letters = Array(text.lowercased().unicodeScalars)
        // A mistyped word is compared with each; nobody mistypes a long one.
        guard !letters.isEmpty, letters.count <= 64 else { return nil }
        let most = max(1, letters.count / 3)
        var nearest: (word: String, distance: Int)?
        for word in words where word.unicodeScalars.count <= 64 {
            let distance = distance(letters, Array(word.lowercased().unicodeScalars))
            if distance <= most, nearest.map({ distance < $0.distance }) ?? true { nearest = (word, distance) }
        }
        return nearest?.word
    }

    /// The number of letters to insert, remove, replace, or swap with the next one.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, letter) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var best = min(last[column] + (letter == other ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, letter == right[column - 1], left[row - 1] == other {
                    best = min(best, beforeLast[column - 1] + 1)
                }
                current.append(best)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
