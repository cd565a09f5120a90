import LacunaFormats

/// Ids from several sources, in the order in which they came, each of them once.
struct IDList<ID: CommandID> {
    private(set) var ids: [ID] = []
    private var seen: Set<ID.UniqueKey> = []

    mutating func add(_ id: ID) {
        if seen.insert(id.uniqueKey).inserted { ids.append(id) }
    }

    /// Adds the arguments, then the lines of a file.
    mutating func add(_ arguments: [String], file: String?) throws {
        for argument in arguments { add(try ID(argument: argument)) }
        guard let file else { return }
        let lines = try LineReader(path: file)
        while let line = try lines.next() { add(try ID(line: line, at: lines.location)) }
    }
}
