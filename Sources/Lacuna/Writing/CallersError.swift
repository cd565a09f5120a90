/// Carries an error of the caller's closure back to the caller. It is kept apart from our own errors: an I/O error of
/// another store, for example, means nothing for this one.
struct CallersError: Error, CustomStringConvertible {
    let error: any Error

    var description: String { "\(error)" }
}
