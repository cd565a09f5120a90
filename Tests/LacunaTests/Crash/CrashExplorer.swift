import Synchronization

@testable import Lacuna

/// The way in which a machine or a process stops.
enum Crash: Sendable, CustomStringConvertible {
    /// Only the process stops: everything that it wrote is in the kernel's cache.
    case kill
    case powerCut(Survival)

    var description: String {
        switch self {
        case .kill: "a kill"
        case .powerCut(let survival): "a power cut that left \(survival)"
        }
    }
}

/// Stops the world at every moment of a workload, in several ways each, and checks what is left. Then it does the same
/// at the moments of the recovery.
struct CrashExplorer {
    /// The counts. States are distinguished by every byte and name that is left.
    struct Counts: Sendable, CustomStringConvertible {
        var moments = 0
        var states = 0
        /// Of these, the states that a crash inside the recovery from another crash has left.
        var recoveryStates = 0

        static func += (left: inout Counts, right: Counts) {
            left.moments += right.moments
            left.states += right.states
            left.recoveryStates += right.recoveryStates
        }

        var description: String {
            "\(moments) crash points, \(states) distinct states (\(recoveryStates) of them inside a recovery)"
        }
    }

    private let dimension: Int
    private let states: [CrashModel]
    private let seed: UInt64
    /// The number of seeded power cuts at each moment.
    private let seeds: Int
    /// In each recovery, one of this many moments is explored.
    private let recoveryStride: Int
    private var seen: Set<UInt64> = []
    private(set) var counts = Counts()
    private(set) var failures: [String] = []

    /// The most failures that are recorded, since they mostly repeat one another.
    private let mostFailures: Int

    init(
        dimension: Int,
        states: [CrashModel],
        seed: UInt64,
        seeds: Int,
        recoveryStride: Int,
        mostFailures: Int
    ) {
        self.mostFailures = mostFailures
        self.dimension = dimension
        self.states = states
        self.seed = seed
        self.seeds = seeds
        self.recoveryStride = recoveryStride
    }

    mutating func explore(_ moments: [Moment], _ log: [DiskOperation]) {
        for moment in moments {
            counts.moments += 1
            var crashes: [Crash] = [.kill] + Survival.extremes.map(Crash.powerCut)
            for number in 0..<seeds { crashes.append(.powerCut(.some(seed: seed(moment, number)))) }
            for crash in crashes {
                let path = ["\(crash) before operation \(moment.operation) \(Self.around(moment.operation, log))"]
                explore(moment, crash, path, isRecovery: false)
                if failures.count >= mostFailures { return }
            }
        }
    }

    private func seed(_ moment: Moment, _ number: Int) -> UInt64 {
        var mixed = seed
        mixed.mix(UInt64(moment.operation))
        mixed.mix(UInt64(number))
        return mixed
    }

    private mutating func explore(_ moment: Moment, _ crash: Crash, _ path: [String], isRecovery: Bool) {
        do {
            switch crash {
            case .kill:
                guard isNew(moment.model.fingerprint, moment, isRecovery) else { return }
                try TestDisk.killed(at: moment) { try check($0, moment, path, isRecovery: isRecovery) }
            case .powerCut(let survival):
                let files = moment.model.afterPowerCut(survival)
                guard isNew(DiskModel.fingerprint(files), moment, isRecovery) else { return }
                try TestDisk.holding(files) { try check($0, moment, path, isRecovery: isRecovery) }
            }
        } catch {
            failures.append("\(path.joined(separator: ", then ")): \(error)")
        }
    }

    private mutating func isNew(_ fingerprint: UInt64, _ moment: Moment, _ isRecovery: Bool) -> Bool {
        var key = fingerprint
        key.mix(UInt64(moment.progress.acknowledged + 1) << 32 | UInt64((moment.progress.inFlight ?? -1) + 1))
        guard seen.insert(key).inserted else { return false }
        counts.states += 1
        if isRecovery { counts.recoveryStates += 1 }
        return true
    }

    private mutating func check(_ disk: TestDisk, _ moment: Moment, _ path: [String], isRecovery: Bool) throws {
        disk.note(moment.progress)
        let number = counts.states
        var depth = RecoveredStore.Depth(recoversFirst: number % 2 == 1, goesOn: number % 4 == 0)
        if !isRecovery {
            disk.record()
            depth.onRecovered = { disk.record(false) }
        }
        try RecoveredStore.check(disk, states, moment.progress, dimension: dimension, depth)
        if isRecovery { return }
        let moments = disk.moments
        let log = disk.log
        for (index, inner) in moments.enumerated() where (index + number) % recoveryStride == 0 {
            let crashes: [Crash] = [
                .kill, .powerCut(.nothing), .powerCut(.everything), .powerCut(.some(seed: seed(inner, number))),
                .powerCut(.some(seed: seed(inner, number + 1))),
            ]
            let crash = crashes[(index + number) / recoveryStride % crashes.count]
            let step =
                "\(crash) before operation \(inner.operation) \(Self.around(inner.operation, log)) of the recovery"
            explore(inner, crash, path + [step], isRecovery: true)
        }
    }

    private static func around(_ operation: Int, _ log: [DiskOperation]) -> [String] {
        log[max(0, operation - 4)..<min(log.count, operation + 2)].map(\.description)
    }
}

extension DiskModel {
    /// A number that is the same for the same names with the same bytes.
    static func fingerprint(_ files: [String: FileImage]?) -> UInt64 {
        var hash: UInt64 = files == nil ? 1 : 2
        for (name, image) in (files ?? [:]).sorted(by: { $0.key < $1.key }) {
            for byte in name.utf8 { hash.mix(UInt64(byte)) }
            image.hash(into: &hash)
        }
        return hash
    }
}
