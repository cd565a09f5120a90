package import Dispatch

extension DispatchTime {
    /// The time after `delay`, but at most a day from now: callers that have to wait longer check again then.
    package static func after(_ delay: Duration) -> DispatchTime {
        let (seconds, attoseconds) = min(max(.zero, delay), .seconds(86_400)).components
        return .now() + .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }
}
