import Lacuna

/// The lines that the child prints.
enum TortureLine: Equatable {
    /// The store is about to be opened, and recovered.
    case open
    case call(Int)
    /// The call has returned; its changes are durable.
    case acknowledge(Int)
    /// A compaction was completed, and had something to do.
    case compacted(CompactionStrategy)
    /// Recovery was completed, and had something to do.
    case recovered

    var text: String {
        switch self {
        case .open: "OPEN"
        case .call(let number): "CALL \(number)"
        case .acknowledge(let number): "ACK \(number)"
        case .compacted(let strategy): "COMPACTED \(strategy.rawValue)"
        case .recovered: "RECOVERED"
        }
    }

    /// Nil for any other line, such as an error of a process that fails.
    init?(_ text: Substring) {
        if text == "OPEN" {
            self = .open
        } else if text == "RECOVERED" {
            self = .recovered
        } else if let number = Self.value(of: "CALL", text).flatMap({ Int($0) }) {
            self = .call(number)
        } else if let number = Self.value(of: "ACK", text).flatMap({ Int($0) }) {
            self = .acknowledge(number)
        } else if let strategy = Self.value(of: "COMPACTED", text).flatMap(CompactionStrategy.init(rawValue:)) {
            self = .compacted(strategy)
        } else {
            return nil
        }
    }

    private static func value(of word: String, _ text: Substring) -> String? {
        text.hasPrefix(word + " ") ? String(text.dropFirst(word.count + 1)) : nil
    }
}
