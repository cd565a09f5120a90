/// The facts about a database with a log beside it; they tell whether the two belong together.
///
/// A log begins when all before it is in the database. Its first commit of ours has the number *base* + 1 and a new token; that
/// commit raises the mark, with the token, before its call returns; and until the mark is known to have the token, further
/// commits carry 0. All numbers but the mark's are those that SQLite reads: R through the log, A in the database alone.
///
/// | after | A | R | the mark | so |
/// | --- | --- | --- | --- | --- |
/// | 1. a whole checkpoint at commit *n* | *n* | *n* | *q* ≤ *n* | R = A: nothing to ask |
/// | 2. commit *n* + 1, synced | *n* | *n* + 1, base *n*, token T | of the log before | R = base + 1: whatever the mark's token |
/// | 3. the mark raised, synced | *n* | the same | *q* = *n* + 1, T | the tokens are equal |
/// | 3b. or not, on a full disk | *n* | the same | of the log before, or none | as 2 |
/// | 4. further commits | *n* | higher, base *n*, token T | the same | the tokens are equal |
/// | 4b. after 3b | *n* | higher, base *n*, token 0 | as in 3b | no token: nothing to ask |
/// | 5. a checkpoint in part | *n* to R, or no state | the same | *q* = R, T | the tokens are equal |
/// | 6. a shell's commits, which have no number | as before | as before | as before | as before |
/// | 7. a shell's checkpoint | R | R | as before | R = A |
///
/// The mark of schema version 1 has the token 0, and so has the one of its migration's commit.
///
/// A log that a reader kept from beginning anew has commits of two tokens, of which R has the last one's.
///
/// What a restored backup differs in: it was made before the log began, so that its number is lower than the log's base; or
/// it is the very database that the log began with. Then its mark, from before the log's first commit, has another token; if
/// there is one commit only, which can't be told from 2, database and log are one state of the store, and its rows are
/// there or don't match their checksums: hence ``areRowsDoubtful``.
///
/// For two databases of one number must be one: the first commit of ours in a log always has a number, also a cleaning up's.
struct LogEvidence {
    /// R, and what it says of its log; nil for schema version 1.
    let record: StoreRecord
    let origin: LogOrigin?
    /// A.
    let alone: StoreRecord
    /// The store's own; nil where it says nothing.
    let mark: CommitMark?

    private var hasOwnCommits: Bool { record.commitSequence > alone.commitSequence }

    /// Why the log can't be the database's; nil where it may be.
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

    /// Whether nothing but their checksums tells that the data file has the rows that the log names.
    var areRowsDoubtful: Bool {
        guard let mark, hasOwnCommits else { return false }
        return origin?.token != mark.token || mark.token == 0
    }
}
