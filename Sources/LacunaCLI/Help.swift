extension String {
    static var exampleHeading: String { "Examples:" }

    /// The text of a command's help, with examples below it: command lines that can be typed as they are.
    static func help(_ text: String = "", examples: [String]) -> String {
        let lines = [exampleHeading] + examples.map { "  " + $0 }
        return (text.isEmpty ? "" : text + "\n\n") + lines.joined(separator: "\n")
    }
}
