import LacunaPlatform

/// The reason why a file of rows could not be read or written.
///
/// ``problem`` is always one line: it names the file and the place in it (row and component counted from 0, line and
/// byte from 1), and says what is wrong.
public struct FormatError: Error, Equatable, CustomStringConvertible {
    /// The kinds of reasons.
    public enum Kind: Equatable, Sendable {
        /// The file cannot be opened for reading: no such file, no permission, not a regular file.
        case unreadable(errno: Int32)
        /// The format doesn't allow these bytes, or this reader doesn't accept them.
        case invalid
        /// The system failed a read or a write, or refused to create the file.
        case io(errno: Int32)
        /// The format doesn't take an option that was given.
        case unsuitableOption
    }

    /// The kind of the reason.
    public let kind: Kind
    /// The fault and its place.
    public let problem: String
    /// The way to remedy it.
    public let remedy: String

    /// The problem and the remedy, on one line.
    public var description: String { "\(problem); \(remedy)" }

    init(_ kind: Kind, _ problem: String, remedy: String) {
        self.kind = kind
        self.problem = singleLine(problem)
        self.remedy = remedy
    }

    /// Returns the same error with the place in front: `error.at("rows.jsonl, line 3")`.
    package func at(_ location: String) -> FormatError {
        FormatError(kind, "\(location): \(problem)", remedy: remedy)
    }

    static func invalid(_ problem: String, remedy: String) -> FormatError {
        FormatError(.invalid, problem, remedy: remedy)
    }

    static func invalid(_ path: String, _ problem: String, remedy: String) -> FormatError {
        FormatError(.invalid, "\(path): \(problem)", remedy: remedy)
    }

    static func unreadable(_ path: String, _ error: SystemError) -> FormatError {
        FormatError(.unreadable(errno: error.errno), "cannot open \(path): \(error.problem)", remedy: error.remedy)
    }

    static func io(_ action: String, _ path: String, _ error: SystemError) -> FormatError {
        FormatError(.io(errno: error.errno), "cannot \(action) \(path): \(error.problem)", remedy: error.remedy)
    }
}

/// Replaces control characters. File names, ids and values from a file may have line feeds or terminal escapes; a line
/// for people must not, nor anything that turns the direction in which it is read.
package func singleLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isControl) else { return text }
    var line = ""
    for scalar in text.unicodeScalars {
        if isControl(scalar) {
            line += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
            line.unicodeScalars.append(scalar)
        }
    }
    return line
}

private func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E: false
    case 0x2028...0x202E, 0x2066...0x2069: true
    default: scalar.properties.generalCategory == .control
    }
}

/// `1 row`, `2 rows`, `more rows`.
func counted(_ count: some CustomStringConvertible, _ noun: String) -> String {
    let count = count.description
    return "\(count) \(noun)\(count == "1" ? "" : "s")"
}

/// A value from a file as an error message quotes it: at most 40 characters.
func excerpt(_ text: String) -> String {
    text.count <= 40 ? text : "\(text.prefix(37))..."
}
