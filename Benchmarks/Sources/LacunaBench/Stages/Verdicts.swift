import Measuring

/// The limits that Lacuna must keep in comparison with the others. Limits of stages that weren't run are left out.
struct Verdicts {
    let bench: Bench
    let results: Results
    let output: Output

    private let lacuna = Contender.lacuna.rawValue
    private let lmdb = Contender.lmdb.rawValue
    private let sqlite = Contender.sqlite.rawValue

    func judge() {
        for kind in bench.kinds {
            ingest(kind)
            gets(kind)
        }
        let kind = bench.kinds[0]
        puts(kind)
        let delete = { DeletesStage.subject(kind, $0) }
        atLeast(1.5, "deletes ÷ LMDB's", speed(delete(lacuna), over: delete(lmdb)))
        compact(kind)
        if let seconds = results.median(\.seconds, OpenStage.subject(.warm, kind, lacuna)) {
            output.limit("open and first get, warm", atMost: .seconds(2e-3), measured: .seconds(seconds))
        }
    }

    private func ingest(_ kind: IDKind) {
        let subject = { IngestStage.subject(kind, $0) }
        let name = "ingest, ids \(kind.rawValue), ÷"
        let share = kind == .uuid ? 0.4 : 0.75
        atLeast(share, "\(name) a plain file's", speed(subject(lacuna), over: subject(Subject.machine)))
        atLeast(1.2, "\(name) LMDB's", speed(subject(lacuna), over: subject(lmdb)))
    }

    private func puts(_ kind: IDKind) {
        let subject = { PutsStage.subject(threads: $0, kind, $1) }
        atLeast(1, "single puts ÷ LMDB's", speed(subject(1, lacuna), over: subject(1, lmdb)))
        atLeast(0.45, "single puts ÷ SQLite's", speed(subject(1, lacuna), over: subject(1, sqlite)))
        atLeast(2.5, "single puts, 8 threads ÷ 1", speed(subject(8, lacuna), over: subject(1, lacuna)))
    }

    private func gets(_ kind: IDKind) {
        for access in GetsStage.Access.allCases {
            let subject = { GetsStage.subject(access, threads: $0, kind, $1) }
            let name = "gets \(access.rawValue), ids \(kind.rawValue)"
            atMost(
                access == .copied ? 1.2 : 1,
                "\(name): time ÷ LMDB's",
                results.ratio(\.secondsPerRow, subject(1, lacuna), over: subject(1, lmdb))
            )
            atLeast(1.8, "\(name), 2 threads ÷ 1", speed(subject(2, lacuna), over: subject(1, lacuna)))
        }
        let subject = GetsStage.subject(.inPlace, threads: 1, kind, lacuna)
        if let bytes = results.median(\.memory, subject) {
            atMost(
                kind == .uuid ? 48 : 32,
                "bytes of anonymous memory a row, ids \(kind.rawValue)",
                bytes / Double(bench.rows)
            )
        }
    }

    private func compact(_ kind: IDKind) {
        let half = { CompactStage.subject(Deaths(percent: 50), kind, $0) }
        let rewrite = half("\(lacuna) rewrite")
        let name = "rewrite, 50 % dead"
        atLeast(0.75, "\(name) ÷ a copy of the live bytes", speed(rewrite, over: half(Subject.machine)))
        atLeast(1, "\(name) ÷ LMDB's compacting copy", speed(rewrite, over: half("\(lmdb) copy")))
        let live = Double((bench.rows - Deaths(percent: 50).count(of: bench.rows)) * bench.rowBytes)
        atMost(1.1, "\(name): own writes ÷ live bytes", results.median(\.writtenBytes, rewrite).map { $0 / live })
        atMost(1.1, "\(name): device's writes ÷ live bytes", results.median(\.deviceBytes, rewrite).map { $0 / live })
        let runs = { CompactStage.subject(Deaths(percent: 10, inRuns: true), kind, lacuna + " " + $0) }
        atMost(
            0.35,
            "in place, 10 % dead in runs: time ÷ a rewrite's",
            results.ratio(\.seconds, runs("in-place"), over: runs("rewrite"))
        )
    }

    /// The ratio of two speeds.
    private func speed(_ subject: Subject, over other: Subject) -> Double? {
        results.ratio(\.rate, subject, over: other)
    }

    private func atLeast(_ bound: Double, _ name: String, _ measured: Double?) {
        if let measured { output.limit(name, atLeast: .ratio(bound), measured: .ratio(measured)) }
    }

    private func atMost(_ bound: Double, _ name: String, _ measured: Double?) {
        if let measured { output.limit(name, atMost: .ratio(bound), measured: .ratio(measured)) }
    }
}
