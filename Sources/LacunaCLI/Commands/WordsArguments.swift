import ArgumentParser
import Lacuna

/// `--match` and `--fuse`: words to look for beside a vector.
struct WordsArguments: ParsableArguments {
    @Option(
        help: ArgumentHelp("Also look for these words, and make one ranking of the two.", valueName: "words")
    )
    var match: String?

    @Option(
        help: ArgumentHelp(
            "With --match: rrf (reciprocal ranks; the default), or the weight of the vector, from 0 to 1.",
            valueName: "fusion"
        )
    )
    var fuse: String?

    func check(_ arguments: SearchArguments, like: Int, unlike: Int, explain: Bool) throws {
        if fuse != nil && match == nil {
            throw CommandError.usage("--fuse is given without --match", remedy: "say which words to look for")
        }
        if match == nil { return }
        _ = try fusion()
        if like > 1 || unlike > 0 {
            throw CommandError.usage("--match takes one --like at most, and no --unlike", remedy: "name one row")
        }
        if arguments.areRestricting || arguments.distinct != nil || arguments.threads != nil || explain {
            throw CommandError.usage(
                "--match takes no --radius, --among, --after, --distinct, --threads or --explain",
                remedy: "leave them out, or use --where"
            )
        }
    }

    func fusion() throws -> Fusion {
        guard let fuse, fuse != "rrf" else { return .reciprocalRank() }
        guard let weight = Double(fuse), (0...1).contains(weight) else {
            throw CommandError.usage("--fuse \(fuse) is out of range", remedy: "use rrf, or a number from 0 to 1")
        }
        return .weighted(weight)
    }
}
