import TestSupport
import Testing

@testable import Lacuna

/// The files of a store whose process was killed: a database, and a log with commits that the database doesn't have.
struct KilledStore {
    /// The files' bytes by name: without lock files and shared memory, but with the writer's lock file, which holds the
    /// mark.
    var files: [String: [UInt8]]
    /// The state before the first commit in the log, and the state after each commit.
    let states: [CrashModel]

    static let dimension = 8
    static let logName = "index.sqlite-wal"
    static let indexName = "index.sqlite"
    static let lockName = "writer.lock"
    static let dataName = "vectors-1.f32"

    var log: [UInt8] { files[Self.logName] ?? [] }

    func with(_ name: String, _ bytes: [UInt8]?) -> KilledStore {
        var other = self
        other.files[name] = bytes
        return other
    }

    /// Makes a store with `commits` commits in its log: mostly puts, some of several rows, replacements and deletes.
    /// The last one puts `lastRows` rows, if any.
    static func make(
        commits: Int,
        rows: Int = 5,
        firstID: Int64 = 1,
        lastRows: Int64 = 0
    ) throws -> KilledStore {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            var model = CrashModel()
            var store = try VectorStore<Int64>.create(
                at: path,
                configuration: .init(dimension: dimension, metric: .dot)
            )
            // The ids are negative, so that they differ from those of the commits.
            try put((0..<Int64(rows)).map { -firstID - $0 }, 0, store, &model)
            try put([firstID], 0, store, &model)
            try store.close()
            store = try VectorStore<Int64>.open(at: path)
            var states = [model]
            for commit in 1...commits {
                let id = firstID + Int64(10 * commit)
                switch commit % 5 {
                case _ where commit == commits && lastRows > 0:
                    try put(Array(id..<id + lastRows), commit, store, &model)
                case 1: try put([id, id + 1, id + 2], commit, store, &model)
                case 2: try put([firstID], commit, store, &model)
                case 3:
                    let gone = firstID + Int64(10 * (commit - 2))
                    try store.delete([gone])
                    model.rows[gone] = nil
                default: try put([id], commit, store, &model)
                }
                states.append(model)
            }
            // Another process makes the copy, since closing a descriptor of ours would drop SQLite's locks.
            let copy = parent + "/copy"
            try Program.succeed("cp", "-r", path, copy)
            try store.close()
            var files: [String: [UInt8]] = [:]
            for name in [indexName, logName, lockName, dataName] { files[name] = try TestFiles.read(copy + "/" + name) }
            return KilledStore(files: files, states: states)
        }
    }

    /// The same store after its handle was closed: without a log.
    func closed() throws -> KilledStore {
        try TestFiles.withDirectory { parent in
            let path = parent + "/store"
            try write(to: path)
            try VectorStore<Int64>.open(at: path).close()
            return KilledStore(files: try Self.contents(path), states: states)
        }
    }

    private static func put(
        _ ids: [Int64],
        _ version: Int,
        _ store: VectorStore<Int64>,
        _ model: inout CrashModel
    ) throws {
        try store.write { batch in
            for id in ids {
                let vector = CrashModel.vector(id, version: version, dimension: dimension)
                let metadata = "{\"version\":\(version),\"text\":\"row \(id)\"}"
                try batch.put(vector, for: id, metadataJSON: metadata, replacing: true)
                model.put(id, vector, metadata)
            }
        }
    }

    func write(to directory: String) throws {
        TestFiles.remove(directory)
        try TestFiles.makeDirectory(directory)
        for (name, bytes) in files { try FileImage(bytes).materialise(at: directory + "/" + name) }
    }

    /// The files in the directory. An empty log and shared memory don't count.
    static func contents(_ directory: String) throws -> [String: [UInt8]] {
        var files: [String: [UInt8]] = [:]
        for name in try Directory.names(directory) {
            if name.hasSuffix("-shm") || name.hasPrefix("readers-") { continue }
            let bytes = try TestFiles.read(directory + "/" + name)
            if name == logName && bytes.isEmpty { continue }
            files[name] = bytes
        }
        return files
    }

    // MARK: Opening it

    /// The ways to open a store.
    enum Way: CaseIterable, Sendable { case readOnly, info, dryRun, recover, readWrite }

    enum Outcome: Equatable {
        case damaged
        /// The store was opened, with its contents; nil if the way doesn't read the rows.
        case opened(CrashModel?)
    }

    /// The outcome of opening the store in this way. Checks that nothing has changed if it is damaged, and that it is
    /// sound if it opens.
    func outcome(_ way: Way, in directory: String, sourceLocation here: SourceLocation = #_sourceLocation) throws
        -> Outcome
    {
        try write(to: directory)
        let before = try Self.contents(directory)
        do {
            switch way {
            case .info: _ = try VectorStoreInfo.read(at: directory)
            case .dryRun, .recover:
                let report = try VectorStoreRecovery.recover(at: directory, dryRun: way == .dryRun)
                if let damage = report.damage { throw damage }
            case .readOnly, .readWrite:
                let store = try VectorStore<Int64>.open(
                    at: directory,
                    access: way == .readOnly ? .readOnly : .readWrite
                )
                let report = try store.verify()
                #expect(report.isSound, "\(way): \(report)", sourceLocation: here)
                let model = try CrashModel(of: store)
                try store.close()
                return .opened(model)
            }
            return .opened(nil)
        } catch let error as VectorStoreError where error.code == .damaged {
            #expect(error.remedy.calls.contains(.restore), "\(error)", sourceLocation: here)
            let isUnchanged = try Self.contents(directory) == before
            #expect(isUnchanged, "\(way) changed something: \(error)", sourceLocation: here)
            return .damaged
        }
    }
}

/// Computes the log's checksums by their description (sqlite.org/fileformat2.html, 4.2), to make frames by hand.
enum LogFrames {
    /// Writes the frame's checksum, continued from the frame before.
    static func chain(_ log: inout [UInt8], _ layout: LogLayout, _ frame: Int) {
        let start = layout.offset(frame)
        let before = frame == 1 ? 24 : layout.offset(frame - 1) + 16
        var (first, second) = (bigEndian(log, before), bigEndian(log, before + 4))
        let isBigEndian = log[3] & 1 == 1
        for part in [start..<start + 8, start + 24..<start + layout.frameBytes] {
            for place in Swift.stride(from: part.lowerBound, to: part.upperBound, by: 8) {
                let words = [place, place + 4].map { word in
                    isBigEndian ? bigEndian(log, word) : bigEndian(log, word).byteSwapped
                }
                first = first &+ words[0] &+ second
                second = second &+ words[1] &+ first
            }
        }
        for (index, sum) in [first, second].enumerated() {
            for byte in 0..<4 {
                log[start + 16 + 4 * index + byte] = UInt8(truncatingIfNeeded: sum >> (24 - 8 * UInt32(byte)))
            }
        }
    }

    private static func bigEndian(_ log: [UInt8], _ offset: Int) -> UInt32 {
        log[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}

/// The places of a log's frames, by the format's description.
struct LogLayout {
    let frameBytes: Int
    let frames: Int
    /// The numbers, counted from 1, of the frames that end a commit.
    let commits: [Int]

    init(_ log: [UInt8]) {
        func number(_ offset: Int) -> Int { log[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }
        let frameBytes = 24 + number(8)
        let frames = (log.count - 32) / frameBytes
        self.frameBytes = frameBytes
        self.frames = frames
        commits = (1...frames).filter { number(32 + ($0 - 1) * frameBytes + 4) != 0 }
    }

    func offset(_ frame: Int) -> Int { 32 + (frame - 1) * frameBytes }
    func commits(before frame: Int) -> Int { commits.count { $0 < frame } }
    func commits(after frame: Int) -> Int { commits.count { $0 > frame } }
}
