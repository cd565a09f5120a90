import Foundation
import Lacuna

/// A store whose writing processes are killed, one after the other, and the model of what it must contain.
struct Torture {
    struct Counts {
        /// The number of processes that SIGKILL ended. The next three count those that it ended in the middle of a
        /// call, in a call that compacts or erases, and while they opened or recovered the store.
        var kills = 0
        var killsInCalls = 0
        var killsInMaintenance = 0
        var killsInRecovery = 0
        /// The number of calls that returned, and of the changes to rows that they made.
        var operations = 0
        var changes = 0
        /// Counts compactions that were completed and had something to do.
        var compactions: [CompactionStrategy: Int] = [:]
        var erasures = 0
        /// Recoveries that had something to do.
        var recoveries = 0
        /// Rows that were read and compared.
        var verifiedRows = 0
    }

    let path: String
    let seed: UInt64
    private let executable: URL
    private let workload: TortureWorkload
    private(set) var counts = Counts()
    private(set) var rounds = 0
    private var model: TortureModel
    /// The call with which the next kill comes.
    private var target = 0

    /// Makes the store.
    init(at path: String, seed: UInt64, executable: URL) throws {
        // `create` accepts an empty directory. This directory is removed in the end, so it must be ours.
        if FileManager.default.fileExists(atPath: path) {
            throw CommandError(
                .cannotCreate,
                "there is something at \(path)",
                remedy: "name a directory that isn't there yet"
            )
        }
        self.path = path
        self.seed = seed
        self.executable = executable
        workload = TortureWorkload(seed: seed)
        model = TortureModel(workload)
        try VectorStore<Int64>.create(at: path, configuration: .init(dimension: workload.dimension, metric: .euclidean))
            .close()
    }

    /// Runs a process that works until it is killed; sometimes also one or two that are killed while they recover the
    /// store; and then checks the store.
    mutating func round() throws {
        rounds += 1
        // Calls use streams by their numbers, so rounds take theirs from the other end.
        var random = SplitMix64(seed: seed, stream: UInt64.max - UInt64(rounds))
        target += Int.random(in: 1...24, using: &random)
        // Most calls are too short to be hit by a kill, so half of the kills are aimed at long calls.
        let aimsAtMaintenance = Bool.random(using: &random)
        while aimsAtMaintenance && !workload.isMaintenance(target) { target += 1 }
        let isInCall = try work(
            after: aimsAtMaintenance ? .call(target) : .acknowledge(target),
            Self.delay(upTo: aimsAtMaintenance ? 32_768 : 4_096, &random)
        )
        for _ in 0..<max(0, Int.random(in: -1...2, using: &random)) {
            try interruptRecovery(Self.delay(upTo: 16_384, &random))
        }
        try check(isInCall: isInCall)
    }

    /// A random delay. Short delays are more frequent, since the first steps of a call are as interesting as its last.
    private static func delay(upTo microseconds: Int, _ random: inout SplitMix64) -> Duration {
        let scale = microseconds >> Int.random(in: 0...3, using: &random)
        return .microseconds(Int.random(in: 0...scale, using: &random))
    }

    private var arguments: [String] { ["torture-child", path, "--seed", String(seed)] }

    /// Runs a process that goes on from the model's last call, and kills it `delay` after the line `trigger`. If that
    /// call was made already, it kills the process `delay` after it began to open the store.
    ///
    /// - Returns: Whether a call was under way when the process died.
    private mutating func work(after trigger: TortureLine, _ delay: Duration) throws -> Bool {
        let isOver = model.operations >= target
        let (told, isKilled) = try TortureProcess.run(
            executable,
            arguments + ["--after", String(model.operations)]
        ) { line in
            line == trigger || isOver && line == .open ? delay : nil
        }
        guard isKilled else { throw TortureFailure("the child ended by itself") }
        counts.kills += 1
        if told.called == 0 { counts.killsInRecovery += 1 }
        for _ in 0..<told.acknowledgements { note(model.advance()) }
        guard told.acknowledgements == 0 || told.acknowledged == model.operations else {
            throw TortureFailure("operation \(told.acknowledged) was told after \(told.acknowledgements) of them")
        }
        for case .compacted(let strategy) in told.lines { counts.compactions[strategy, default: 0] += 1 }
        let isInCall = told.called > model.operations
        if isInCall { counts.killsInCalls += 1 }
        if isInCall && workload.isMaintenance(told.called) { counts.killsInMaintenance += 1 }
        return isInCall
    }

    private mutating func note(_ call: TortureCall) {
        counts.operations += 1
        counts.changes += call.changeCount
        if case .erase = call { counts.erasures += 1 }
    }

    private mutating func interruptRecovery(_ delay: Duration) throws {
        let (told, isKilled) = try TortureProcess.run(executable, arguments) { $0 == .open ? delay : nil }
        if told.lines.contains(.recovered) { counts.recoveries += 1 }
        if isKilled {
            counts.kills += 1
            counts.killsInRecovery += 1
        }
    }

    /// Checks that the store is as it was after the last call that returned, or after the call that was under way.
    mutating func check(isInCall: Bool) throws {
        if try recover().state == .recovered { counts.recoveries += 1 }
        let store = try VectorStore<Int64>.open(at: path, access: .readOnly)
        defer { try? store.close() }
        let found = try TortureModel.rows(of: store)
        if let difference = model.difference(from: found) {
            let before = "after operation \(model.operations), the last that was acknowledged, \(difference)"
            guard isInCall else { throw TortureFailure(before) }
            let call = model.advance()
            if model.difference(from: found) != nil {
                throw TortureFailure("\(before); \(call.name) was under way, and is not there as a whole either")
            }
        }
        let report = try store.verify()
        guard report.isSound, report.unknownFiles.isEmpty, report.rows == found.count else {
            throw TortureFailure("verification found: \(VerificationSummary(report).json)")
        }
        counts.verifiedRows += report.rows
        let again = try recover()
        guard again.state == .clean, again.actions.isEmpty else {
            let actions = again.actions.map { "\($0.kind.rawValue) \($0.file) (\($0.detail))" }.joined(separator: ", ")
            throw TortureFailure("a second recovery had something to do: \(actions)")
        }
    }

    private func recover() throws -> RecoveryReport {
        let report = try VectorStoreRecovery.recover(at: path)
        if let damage = report.damage { throw damage }
        return report
    }

    /// The error of a round with the seed, the round and the store's path added. An interrupt stays an interrupt.
    func explained(_ error: any Error) -> any Error {
        var status = ExitStatus.no
        var problem: String
        var remedy = "the store is kept in \(path)"
        if let failure = error as? TortureFailure {
            problem = failure.message
        } else if let error = CommandError(error) {
            if error.status == .interrupted || error.status == .terminated { return error }
            if error.status != .damaged { status = error.status }
            problem = error.problem ?? "the command ended with \(error.status)"
            if status != .no, let first = error.remedy { remedy = "\(first); \(remedy)" }
        } else {
            return error
        }
        problem = "seed \(seed), round \(rounds): \(problem)"
        if status == .no { remedy += ": report it, with this line" }
        return CommandError(status, problem, remedy: remedy)
    }
}
