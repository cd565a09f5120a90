/// What a closure of the caller's threw, on its way back to the caller. It is kept apart from errors of ours: an I/O error of
/// another store, say, means nothing here.
struct CallersError: Error, CustomStringConvertible {
    let error: any Error

    var description: String { "\(error)" }
}
