import Lacuna
import Testing

/// Small commits overwrite zeros behind the log's last frame.
@Suite struct PrewrittenLogTests {
    let scratch: Scratch
    let store: VectorStore<Int64>

    init() throws {
        scratch = try Scratch()
        store = try .create(at: scratch.store, configuration: .init(dimension: 3))
    }

    private func put(_ id: Int64) throws { try store.put([Float(id), 1, 2], for: id) }

    /// A commit takes two frames, so thirty commits fit into the room that two extensions of the file make.
    @Test func smallCommitsOverwriteThem() throws {
        try put(0)
        var sizes: Set<Int64> = []
        for id in Int64(1)...30 {
            try put(id)
            sizes.insert(try logBytes())
        }
        #expect(sizes.count <= 3)
    }

    private func logBytes() throws -> Int64 { try LacunaTests.sizes(scratch.index + "-wal").length }

    /// Another program's frames lie at the place of our next ones, and this handle has counted none of them.
    @Test func anotherProgramsFramesStay() throws {
        let other = try rawConnection(scratch.index)
        try other.execute("CREATE TABLE notes (note INTEGER PRIMARY KEY, text TEXT)")
        for id in Int64(0)..<100 {
            try put(id)
            // The commit takes one page or some dozens, so it is shorter or longer than the zeros.
            let length = id % 5 == 0 ? 200_000 : 300
            try other.execute("INSERT INTO notes VALUES (\(id), hex(zeroblob(\(length / 2))))")
        }
        let killed = scratch.store + "-killed"
        try copyItem(scratch.store, to: killed)
        let left = try VectorStore<Int64>.open(at: killed)
        #expect(try left.count == 100)
        #expect(try left.verify().isSound)
        let index = try rawConnection(killed + "/index.sqlite")
        #expect(try index.value("SELECT count(*) FROM notes") == 100)
        #expect(try index.value("SELECT count(*) FROM notes WHERE length(text) IN (300, 200000)") == 100)
        #expect(try index.value("PRAGMA integrity_check") == "ok")
    }
}
