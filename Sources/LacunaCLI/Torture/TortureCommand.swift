import ArgumentParser
import Foundation
import Lacuna

struct TortureCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torture",
        abstract: "Check a disk: write, delete, compact, kill, recover, compare.",
        discussion: .help(
            """
            Makes a store in a new directory, on the file system to be checked, and removes it if all was well. A child \
            process writes to it and is killed with SIGKILL, over and over; each time everything that was acknowledged must \
            be there, bit for bit. The same seed makes the same operations, and kills after the same acknowledgements; how \
            long after them also depends on the system.

            It kills processes, not the machine: it doesn't test what a power cut does to a disk.
            """,
            examples: [
                "lacuna torture /mnt/disk/torture --seconds 600",
                "lacuna torture torture --seed 7",
            ]
        )
    )

    @Argument(help: "The directory to make; its parent must exist.", completion: .directory)
    var store: String

    @Option(parsing: .unconditional, help: ArgumentHelp("Run for this many seconds; 60 by default.", valueName: "n"))
    var seconds: Int?

    @Option(
        parsing: .unconditional,
        help: ArgumentHelp("The seed of a run to repeat; a random one by default.", valueName: "n")
    )
    var seed: UInt64?

    @Option(help: ArgumentHelp("End after this many kills, and not after a time.", visibility: .hidden))
    var kills: Int?

    @OptionGroup var format: JSONOption

    func run() throws {
        if let seconds, seconds < 1 {
            throw CommandError.usage("--seconds \(seconds) is out of range", remedy: "give at least 1")
        }
        let executable = try ownExecutable()
        let start = ContinuousClock.now
        // The seed has 32 bits, which every JSON parser reads exactly.
        let seed = seed ?? UInt64(UInt32.random(in: 0 ... .max))
        var torture: Torture
        do {
            torture = try Torture(at: store, seed: seed, executable: executable)
        } catch let error as VectorStoreError {
            throw CreateCommand.refusal(error, store)
        }
        let bar = ProgressBar("torturing")
        var end: (any Error)?
        do {
            while !isDone(torture, start, bar) {
                try Interrupts.check(remedy: "what was checked until then was sound")
                try torture.round()
            }
        } catch { end = torture.explained(error) }
        bar.clear()
        let status = (end as? CommandError)?.status
        let isSound = end == nil || status == .interrupted || status == .terminated
        let verdict =
            isSound
            ? Terminal.styled("sound", .green) + ": everything acknowledged was there, after each kill"
            : status == .no ? Terminal.styled("broken", .red) : "stopped by an error"
        try print(torture, ContinuousClock.now - start, isSound, verdict)
        if isSound {
            do { try FileManager.default.removeItem(atPath: store) } catch {
                throw CommandError(.inputOutput, "cannot remove \(store)", remedy: "remove it yourself")
            }
        }
        if let end { throw end }
    }

    private func isDone(_ torture: Torture, _ start: ContinuousClock.Instant, _ bar: ProgressBar) -> Bool {
        let (done, total) =
            if let kills { (torture.counts.kills, kills) } else {
                (Int((ContinuousClock.now - start).inSeconds), seconds ?? 60)
            }
        bar.update(done, of: total)
        return done >= total
    }

    private func print(_ torture: Torture, _ duration: Duration, _ isSound: Bool, _ verdict: String) throws {
        let output = StandardOutput()
        let counts = torture.counts
        let compactions = [CompactionStrategy.rewrite, .inPlace, .punch].map { ($0, counts.compactions[$0] ?? 0) }
        if format.json {
            let strategies = compactions.map { "\"\($0.rawValue)\":\($1)" }.joined(separator: ",")
            try output.line(
                JSONText.object([
                    "seed": JSONText(torture.seed), "rounds": JSONText(torture.rounds),
                    "kills": JSONText(counts.kills), "kills_in_calls": JSONText(counts.killsInCalls),
                    "kills_in_maintenance": JSONText(counts.killsInMaintenance),
                    "kills_in_recovery": JSONText(counts.killsInRecovery),
                    "operations": JSONText(counts.operations), "rows": JSONText(counts.changes),
                    "compactions": .raw("{\(strategies)}"), "erasures": JSONText(counts.erasures),
                    "recoveries": JSONText(counts.recoveries), "verified": JSONText(counts.verifiedRows),
                    "seconds": JSONText(duration), "ok": .raw("\(isSound)"),
                ])
            )
        } else {
            try output.line(verdict)
            try output.lines([
                "seed": String(torture.seed),
                "kills": "\(grouped(counts.kills)): \(grouped(counts.killsInCalls)) inside a call "
                    + "(\(grouped(counts.killsInMaintenance)) compacting or erasing), "
                    + "\(grouped(counts.killsInRecovery)) while opening or recovering",
                "operations":
                    "\(grouped(counts.operations)) acknowledged, \(counted(counts.changes, "change")) of rows",
                "compactions": compactions.map { "\(grouped($1)) \($0.rawValue)" }.joined(separator: ", ")
                    + "; \(counted(counts.erasures, "erasure"))",
                "recoveries": "\(grouped(counts.recoveries)) had something to do",
                "verified": "\(counted(counts.verifiedRows, "row")), each with its metadata",
                "took": secondsText(duration),
            ])
        }
        try output.flush()
    }
}
