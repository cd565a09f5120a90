@testable import Lacuna

/// Cuts the power before every operation of a call that makes a backup or puts one back, in several ways each, and
/// checks what is left.
struct BackupExplorer {
    struct Counts: Sendable, CustomStringConvertible {
        var moments = 0
        /// States are distinguished by every byte and name that is left, except those of the source.
        var states = 0
        /// Of these, the numbers of states with nothing at the place, with the old store, and with the new one.
        var nothing = 0
        var old = 0
        var new = 0

        static func += (left: inout Counts, right: Counts) {
            left.moments += right.moments
            left.states += right.states
            left.nothing += right.nothing
            left.old += right.old
            left.new += right.new
        }

        var description: String {
            """
            \(moments) crash points, \(states) distinct states: \(nothing) without a store at the place, \(old) with the old \
            one, \(new) with the new one
            """
        }
    }

    private let scenario: BackupScenario
    private let start: BackupScenario.Start
    private let mostFailures: Int
    /// The path of the old store, as the call has reported it.
    private var aside: String?
    private var seen: Set<UInt64> = []
    private(set) var counts = Counts()
    private(set) var failures: [String] = []

    /// Explores a scenario, with `seeds` seeded power cuts for each moment.
    static func explore(_ scenario: BackupScenario, seeds: Int, mostFailures: Int = 3) throws -> BackupExplorer {
        var explorer = BackupExplorer(scenario, try scenario.prepare(), mostFailures)
        let moments = try explorer.run()
        for (number, moment) in moments.enumerated() {
            explorer.counts.moments += 1
            let first = UInt64(number * seeds)
            for cut in TreePowerCut.all(seeds: first..<first + UInt64(seeds)) {
                explorer.explore(moment, cut)
                if explorer.failures.count >= mostFailures { return explorer }
            }
        }
        return explorer
    }

    private init(_ scenario: BackupScenario, _ start: BackupScenario.Start, _ mostFailures: Int) {
        self.scenario = scenario
        self.start = start
        self.mostFailures = mostFailures
    }

    /// Makes the call, which must not touch its source, and returns its moments.
    private mutating func run() throws -> [TestTree.Moment] {
        try TestTree.holding(start.directories) { tree in
            var fileSystem = tree.fileSystem
            fileSystem.exchanges = scenario.exchanges
            var aside: String?
            try scenario.call(
                tree.directory.path,
                fileSystem,
                incremental: scenario != .whole,
                before: { tree.record() },
                after: { path in
                    tree.finish()
                    aside = path.flatMap { $0.split(separator: "/").last.map(String.init) }
                }
            )
            self.aside = aside
            let moments = tree.moments
            if Set(moments.map(sourceFingerprint)).count != 1 { failures.append("\(scenario): the source was changed") }
            return moments
        }
    }

    /// A fingerprint of all files that have bytes. (A reader may make an empty log.)
    private func sourceFingerprint(_ moment: TestTree.Moment) -> UInt64? {
        moment.names.live[scenario.source].map { number in
            DiskModel.fingerprint(moment.directories[number].liveFiles.filter { $0.value.length > 0 })
        }
    }

    private mutating func explore(_ moment: TestTree.Moment, _ cut: TreePowerCut) {
        let left = moment.afterPowerCut(cut)
        var fingerprint: UInt64 = moment.hasReturned ? 1 : 2
        for (name, files) in left.sorted(by: { $0.key < $1.key }) where name != scenario.source {
            for byte in name.utf8 { fingerprint.mix(UInt64(byte)) }
            fingerprint.mix(DiskModel.fingerprint(files))
        }
        guard seen.insert(fingerprint).inserted else { return }
        counts.states += 1
        do {
            try TestFiles.withDirectory { parent in
                for (name, files) in left { try TestDisk.materialise(files, at: parent + "/" + name) }
                try check(parent, Array(left.keys), hasReturned: moment.hasReturned)
                if moment.hasReturned || counts.states % 8 == 0 { try checkGoesOn(parent) }
            }
        } catch { failures.append("\(scenario), a power cut before \"\(moment.next)\" that left \(cut): \(error)") }
    }

    // MARK: Checking the remaining files

    private mutating func check(_ parent: String, _ names: [String], hasReturned: Bool) throws {
        let place = parent + "/" + scenario.place
        let found = names.contains(scenario.place) ? try contents(place, hasMark: hasReturned) : nil
        switch found {
        case start.after: counts.new += 1
        case nil where !hasReturned && (start.before == nil || !scenario.exchanges): counts.nothing += 1
        case start.before where !hasReturned: counts.old += 1
        case nil: throw CrashModel.Mismatch(what: "nothing is at the place")
        case let found?: throw CrashModel.Mismatch(what: "another state: \(found.difference(from: start.after))")
        }
        let beside = names.filter { $0.hasPrefix(scenario.place + ".") }
        let others = Set(names).subtracting(beside + [scenario.place])
        guard others == Set(start.directories.keys).subtracting([scenario.place]) else {
            throw CrashModel.Mismatch(what: "left over: \(names)")
        }
        // The store that a restore replaces is kept for good. Any other is kept until there is a new one at the place.
        if let before = start.before, found == nil || scenario.isRestoring && found != before {
            let infix = scenario.place + StorePaths.asideInfix
            let kept = beside.filter { hasReturned ? $0 == aside : found != nil || $0.hasPrefix(infix) }
            guard kept.contains(where: { (try? contents(parent + "/" + $0, hasMark: false)) == before }) else {
                throw CrashModel.Mismatch(what: "what was at the place is nowhere: \(names)")
            }
        }
        if hasReturned, try contents(parent + "/" + scenario.source, hasMark: false) != start.source {
            throw CrashModel.Mismatch(what: "the source has another state")
        }
    }

    /// The contents of a store, which must be sound, read by a reader and by a writer.
    private func contents(_ path: String, hasMark: Bool) throws -> CrashModel {
        let mark = try CommitMark.read(StorePaths(path), SystemFileSystem())
        let reader = try VectorStore<Int64>.open(at: path, access: .readOnly)
        let found = try CrashModel(of: reader)
        let commit = try reader.readers.read { $0.record.commitSequence }
        try reader.close()
        if hasMark && mark?.sequence != commit {
            throw CrashModel.Mismatch(what: "the mark is of commit \(mark?.sequence ?? -1), the index of \(commit)")
        }
        let writer = try VectorStore<Int64>.open(at: path)
        let report = try writer.verify()
        guard report.isSound else { throw CrashModel.Mismatch(what: "\(report)") }
        let other = try CrashModel(of: writer)
        guard other == found else {
            throw CrashModel.Mismatch(what: "a writer finds another state: \(other.difference(from: found))")
        }
        try writer.close()
        return found
    }

    /// Checks that the next call makes the new backup, whatever is left.
    private func checkGoesOn(_ parent: String) throws {
        try scenario.call(parent, SystemFileSystem(), incremental: true)
        let found = try contents(parent + "/" + scenario.place, hasMark: true)
        if found != start.after {
            throw CrashModel.Mismatch(what: "after the next call \(found.difference(from: start.after))")
        }
    }
}
