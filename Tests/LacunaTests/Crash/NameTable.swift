import TestSupport

/// The names in a directory, each with the number of its file: the names that programs see, and those that are
/// certainly on the disk.
struct NameTable: Sendable {
    private enum Change: Sendable {
        case create(String, Int)
        case unlink(String)
        /// Either both names change, or none.
        case rename(String, to: String, Int)
        case exchange(String, Int, String, Int)
    }

    private(set) var live: [String: Int] = [:]
    private var durable: [String: Int] = [:]
    /// The changes since the last sync, in order.
    private var pending: [Change] = []

    init() {}

    /// Makes a table of durable names, numbered in their order.
    init(durable names: [String]) {
        for (number, name) in names.enumerated() { live[name] = number }
        durable = live
    }

    var pendingCount: Int { pending.count }

    mutating func create(_ name: String, _ number: Int) { apply(.create(name, number)) }
    mutating func unlink(_ name: String) { apply(.unlink(name)) }

    mutating func rename(_ name: String, to newName: String) {
        if let number = live[name] { apply(.rename(name, to: newName, number)) }
    }

    mutating func exchange(_ name: String, _ other: String) {
        if let first = live[name], let second = live[other] { apply(.exchange(name, second, other, first)) }
    }

    mutating func sync() {
        durable = live
        pending = []
    }

    private mutating func apply(_ change: Change) {
        Self.apply(change, to: &live)
        pending.append(change)
    }

    private static func apply(_ change: Change, to names: inout [String: Int]) {
        switch change {
        case .create(let name, let number): names[name] = number
        case .unlink(let name): names[name] = nil
        case .rename(let name, let newName, let number):
            names[name] = nil
            names[newName] = number
        case .exchange(let name, let number, let other, let otherNumber):
            names[name] = number
            names[other] = otherNumber
        }
    }

    /// The names that a power cut leaves.
    func afterPowerCut(_ survival: Survival, _ generator: inout SplitMix64) -> [String: Int] {
        var names = durable
        for change in pending {
            switch (change, survival) {
            case (.unlink, .unlinks), (_, .everything): Self.apply(change, to: &names)
            case (_, .nothing), (_, .unlinks): continue
            case (_, .some): if generator.next() & 1 != 0 { Self.apply(change, to: &names) }
            }
        }
        return names
    }
}
