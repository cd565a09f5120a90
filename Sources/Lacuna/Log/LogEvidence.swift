/// The facts about a database and the log beside it, which tell whether the two belong together.
///
/// A log begins when the whole log before it is in the database. Its first commit of ours has the number *base* + 1 and
/// a new token, and raises the mark, with the token, before its call returns. Until the mark is known to have the
/// token, further commits carry the token 0. SQLite reads two numbers: R with the log, and A in the database alone.
///
/// | after | A | R | the mark | so |
/// | --- | --- | --- | --- | --- |
/// | 1. a complete checkpoint at commit *n* | *n* | *n* | *q* ≤ *n* | R = A: nothing to check |
/// | 2. commit *n* + 1, synced | *n* | *n* + 1, base *n*, token T | of the log before | R = base + 1: the mark's token doesn't matter |
/// | 3. the mark is raised and synced | *n* | the same | *q* = *n* + 1, T | the tokens are equal |
/// | 3b. or it isn't, on a full disk | *n* | the same | of the log before, or none | as 2 |
/// | 4. further commits | *n* | higher, base *n*, token T | the same | the tokens are equal |
/// | 4b. after 3b | *n* | higher, base *n*, token 0 | as in 3b | no token: nothing to check |
/// | 5. a partial checkpoint | *n* to R, or no state | the same | *q* = R, T | the tokens are equal |
/// | 6. a shell's commits, which have no number | as before | as before | as before | as before |
/// | 7. a shell's checkpoint | R | R | as before | R = A |
///
/// A mark of schema version 1 has the token 0, and so has the mark of the commit that migrates from it.
///
/// If a reader kept a log from beginning anew, its commits have two tokens; R has the last one.
///
/// A restored backup differs in one of two ways. If it was made before the log began, its number is lower than the
/// log's base. Otherwise it is the very database with which the log began; then its mark, from before the log's first
/// commit, has another token. If the log has only one commit, this can't be told from step 2. But then database and log
/// make one state of the store, whose rows are there or don't match their checksums; for that there is
/// ``areRowsDoubtful``.
///
/// Two databases with one number must be the same. Therefore the first commit of ours in a log always has a number,
/// even if it only cleans up.
struct LogEvidence {
    /// R, and what the index says of its log; that is nil for schema version 1.
    let record: StoreRecord
    let origin: LogOrigin?
    /// A.
    let alone: StoreRecord
    /// The store's own mark; nil if there is none that says something.
    let mark: CommitMark?

    private var hasOwnCommits: Bool { record.commitSequence > alone.commitSequence }

    /// Says why the log can't belong to the database; nil if it may.
    var misfit: String? {
        if alone.uuidBytes != record.uuidBytes { return "index.sqlite and index.sqlite-wal are of two stores" }
        if PlantedBug.logOriginNotChecked.isPlanted { return nil }
        let (known, last) = (alone.commitSequence, record.commitSequence)
        let base = max(origin?.base ?? 0, mark?.database.sequence ?? 0)
        if known < base {
            return "index.sqlite is older than its log: it knows commits up to \(known), and had those up to \(base)"
        }
        if origin == nil, let mark, mark.token != 0 {
            return "index.sqlite is older than its log, and has another schema"
        }
        if known > last {
            return "index.sqlite is newer than its log: it knows commits up to \(known), with the log up to \(last)"
        }
        guard let origin, let mark, hasOwnCommits, origin.token != 0, origin.token != mark.token,
            last > origin.base + 1
        else { return nil }
        return "index.sqlite-wal isn't the log of index.sqlite and writer.lock: older ones were put back beside it"
    }

    /// Whether only checksums can show that the data file has the rows that the log names.
    var areRowsDoubtful: Bool {
        guard let mark, hasOwnCommits else { return false }
        return origin?.token != mark.token || mark.token == 0
    }
}
