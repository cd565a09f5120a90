/// Numbers the parameters of one text of a filter as SQLite would if the text stood alone: `?` is one more than the
/// largest number so far, `?3` is the third, and a name is one more where it stands first. The parameters of the texts
/// before come first.
struct FilterParameters {
    /// A larger number counts as this one: nobody gives so many values.
    private static let most = 1 << 20

    private let first: Int
    private var count = 0
    private var numbers: [String: Int] = [:]
    /// The number of each parameter in its text, by the place of its token. The first is 1.
    private(set) var places: [Int: Int] = [:]

    init(after first: Int) { self.first = first }

    /// The text for SQLite in place of a named or numbered parameter; nil for any other token. Only these are counted
    /// among ``FilterCost/operations``: SQLite looks for them in a list.
    mutating func text(of token: FilterToken, at place: Int) -> String? {
        switch token.kind {
        case .nextValue, .valueList:
            count += 1
            places[place] = count
            return nil
        case .namedValue:
            let number: Int
            if token.text.hasPrefix("?") {
                number = Int(token.text.dropFirst()).flatMap { (1..<Self.most).contains($0) ? $0 : nil } ?? Self.most
            } else {
                number = numbers[token.text] ?? count + 1
                numbers[token.text] = number
            }
            count = max(count, number)
            places[place] = number
            return "?\(first + number)"
        default: return nil
        }
    }

    func check(_ values: Int) throws(VectorStoreError) {
        guard count == values else {
            throw Filter.invalid(
                "it needs values for \(count) `?`s, and \(values) were given",
                remedy: "write each value into the filter, as in `id = 5`, or pass one for each `?`"
            )
        }
    }
}
