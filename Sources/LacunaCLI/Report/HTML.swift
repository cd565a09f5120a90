/// HTML. The text of a literal is markup. Texts that are interpolated into it are escaped, so nothing that comes from a
/// store can become markup.
struct HTML: ExpressibleByStringInterpolation {
    private(set) var markup: String

    init(stringLiteral markup: String) { self.markup = markup }

    init(stringInterpolation: StringInterpolation) { markup = stringInterpolation.markup }

    static func + (left: HTML, right: HTML) -> HTML { "\(left)\(right)" }

    struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var markup = ""

        init(literalCapacity: Int, interpolationCount: Int) { markup.reserveCapacity(literalCapacity) }

        mutating func appendLiteral(_ literal: String) { markup += literal }
        mutating func appendInterpolation(_ html: HTML) { markup += html.markup }
        mutating func appendInterpolation(_ text: String) { HTML.escape(text, into: &markup) }
        mutating func appendInterpolation(_ number: some BinaryInteger) { markup += String(number) }
        /// Nothing stands for nil.
        mutating func appendInterpolation(_ html: HTML?) { markup += html?.markup ?? "" }
    }

    /// The text with escapes for the characters that have a meaning in HTML. A character that HTML doesn't allow, or that
    /// turns the direction in which the text around it reads, is shown by its number.
    private static func escape(_ text: String, into markup: inout String) {
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": markup += "&amp;"
            case "<": markup += "&lt;"
            case ">": markup += "&gt;"
            case "\"": markup += "&quot;"
            case "'": markup += "&#39;"
            case "\n", "\t": markup.unicodeScalars.append(scalar)
            case "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}", "\u{FFFE}", "\u{FFFF}":
                markup += "\\u{\(String(scalar.value, radix: 16))}"
            case _ where scalar.properties.generalCategory == .control:
                markup += "\\u{\(String(scalar.value, radix: 16))}"
            default: markup.unicodeScalars.append(scalar)
            }
        }
    }
}

extension Sequence<HTML> {
    func joined(separator: HTML = "") -> HTML {
        HTML(stringLiteral: map(\.markup).joined(separator: separator.markup))
    }
}

/// The table of a section: a caption, titles of columns, and rows whose first cell is their title.
struct HTMLTable {
    struct Column {
        let title: String
        var isNumber = false

        static func text(_ title: String) -> Column { Column(title: title) }
        static func number(_ title: String) -> Column { Column(title: title, isNumber: true) }
    }

    let caption: String
    let columns: [Column]
    var rows: [[HTML]]

    /// A table that is wider than the page can be scrolled, also by the keyboard.
    var html: HTML {
        let head: HTML = columns.map { "<th scope=\"col\"\($0.style)>\($0.title)</th>" }.joined()
        let body: HTML = rows.map { "<tr>\(cells($0))</tr>\n" }.joined()
        return """
            <div class="scroll" role="region" tabindex="0" aria-label="\(caption)">
            <table>
            <caption>\(caption)</caption>
            <thead><tr>\(head)</tr></thead>
            <tbody>
            \(body)</tbody>
            </table>
            </div>

            """
    }

    private func cells(_ row: [HTML]) -> HTML {
        zip(columns, row).enumerated().map { index, cell -> HTML in
            index == 0
                ? "<th scope=\"row\"\(cell.0.style)>\(cell.1)</th>" : "<td\(cell.0.style)>\(cell.1)</td>"
        }.joined()
    }
}

extension HTMLTable.Column {
    fileprivate var style: HTML { isNumber ? " class=\"number\"" : "" }
}
