import Measuring

/// The measurements, which are printed at once and kept for the summary.
final class Results {
    let output: Output
    private let bench: Bench
    private var subjects: [Subject] = []
    private var samples: [Subject: [Sample]] = [:]

    init(_ bench: Bench, _ output: Output) {
        self.bench = bench
        self.output = output
    }

    func add(_ subject: Subject, _ sample: Sample) {
        if samples[subject] == nil { subjects.append(subject) }
        samples[subject, default: []].append(sample)
        output.measurement(
            subject.stage.rawValue,
            [
                "rows": .count(bench.rows), "work": .text(subject.work), "ids": .text(subject.ids?.rawValue ?? "-"),
                "who": .text(subject.who), "run": .count(samples[subject]?.count ?? 0), "count": .count(sample.count),
                "duration": .seconds(sample.seconds), "per_row": .seconds(sample.secondsPerRow),
                "payload": sample.count == 1 ? .text("-") : .bytesPerSecond(sample.rate * Double(bench.rowBytes)),
                "device_write": .bytes(orUnknown: sample.deviceBytes),
                "own_write": .bytes(orUnknown: sample.writtenBytes),
                "memory_added": .bytes(orUnknown: sample.memory),
            ]
        )
    }

    /// The median ratio of two figures, computed run by run, since figures of one run met the same noise. Nil if either
    /// wasn't measured.
    func ratio(_ figure: KeyPath<Sample, Double>, _ subject: Subject, over other: Subject) -> Double? {
        guard let own = samples[subject], let others = samples[other] else { return nil }
        return zip(own, others).map { $0[keyPath: figure] / $1[keyPath: figure] }.median
    }

    func median(_ figure: KeyPath<Sample, Double>, _ subject: Subject) -> Double? {
        samples[subject]?.map { $0[keyPath: figure] }.median
    }

    /// The median of a figure; nil if it wasn't measured, or if the system doesn't count it.
    func median(_ figure: KeyPath<Sample, Int64?>, _ subject: Subject) -> Double? {
        let figures = (samples[subject] ?? []).compactMap { $0[keyPath: figure] }
        return figures.isEmpty ? nil : figures.map(Double.init).median
    }

    /// Prints the medians, each beside those of the same work by other stores.
    func summary() {
        for subject in subjects {
            output.measurement(
                "medians",
                [
                    "of": .text(subject.stage.rawValue), "work": .text(subject.work),
                    "ids": .text(subject.ids?.rawValue ?? "-"), "who": .text(subject.who),
                    "per_row": .seconds(median(\.secondsPerRow, subject) ?? .nan),
                    "of_lmdb": time(of: subject, over: Contender.lmdb.rawValue),
                    "of_sqlite": time(of: subject, over: Contender.sqlite.rawValue),
                    "of_machine": time(of: subject, over: Subject.machine),
                ]
            )
        }
    }

    private func time(of subject: Subject, over who: String) -> Figure {
        let other = subjects.first {
            ($0.stage, $0.work, $0.ids) == (subject.stage, subject.work, subject.ids) && $0.who.hasPrefix(who)
        }
        guard let other, let ratio = ratio(\.secondsPerRow, subject, over: other) else { return .text("-") }
        return .ratio(ratio)
    }
}

extension Figure {
    fileprivate static func bytes(orUnknown bytes: Int64?) -> Figure { bytes.map { .bytes($0) } ?? .text("-") }
}
