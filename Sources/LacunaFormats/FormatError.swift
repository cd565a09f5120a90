/// The reason why a vector, text or JSON file could not be read or written.
///
/// ``message`` is always one line: it names the file and the place in it (row and component counted from 0, line and
/// byte from 1), says what is wrong, and what to do.
package struct FormatError: Error, Equatable, CustomStringConvertible {
    package enum Kind: Equatable, Sendable {
        /// The file cannot be opened for reading: no such file, no permission, not a regular file.
        case unreadable(errno: Int32)
        /// The format doesn't allow these bytes, or this reader doesn't accept them.
        case invalid
        /// The system failed a read or a write, or refused to create the file.
        case io(errno: Int32)
    }

    package let kind: Kind
    package let message: String

    package var description: String { message }

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = singleLine(message)
    }

    /// The same error, with its place in front: `FormatError("not JSON").at("rows.jsonl, line 3")`.
    package func at(_ location: String) -> FormatError {
        FormatError(kind, "\(location): \(message)")
    }

    static func invalid(_ message: String) -> FormatError {
        FormatError(.invalid, message)
    }

    static func invalid(_ path: String, _ message: String) -> FormatError {
        FormatError(.invalid, "\(path): \(message)")
    }

    static func unreadable(_ path: String, _ error: SystemError) -> FormatError {
        FormatError(.unreadable(errno: error.code), "cannot open \(path): \(error.text); \(error.remedy)")
    }

    static func io(_ action: String, _ path: String, _ error: SystemError) -> FormatError {
        FormatError(.io(errno: error.code), "cannot \(action) \(path): \(error.text); \(error.remedy)")
    }
}

/// Replaces control characters. File names, ids and values from a file may have line feeds or terminal escapes; a line
/// for people must not.
package func singleLine(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) else { return text }
    var line = ""
    for scalar in text.unicodeScalars {
        if scalar.properties.generalCategory == .control {
            line += "\\u{\(String(scalar.value, radix: 16))}"
        } else {
            line.unicodeScalars.append(scalar)
        }
    }
    return line
}

/// A value from a file as an error message quotes it: at most 40 characters.
func excerpt(_ text: String) -> String {
    text.count <= 40 ? text : "\(text.prefix(37))..."
}
