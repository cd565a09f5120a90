/// Ends the process if a statement about our own data in memory doesn't hold: then the code is wrong, and must not go on.
///
/// Only debug builds evaluate the statement, so the tests do, and users don't pay for it. Data that come from a disk or from
/// a caller are never asserted: they are checked in every build, and wrong ones are an error.
@inline(__always)
package func invariant(
    _ holds: @autoclosure () -> Bool,
    _ statement: @autoclosure () -> String,
    file: StaticString = #fileID,
    line: UInt = #line
) {
    #if DEBUG
    precondition(holds(), statement(), file: file, line: line)
    #endif
}
