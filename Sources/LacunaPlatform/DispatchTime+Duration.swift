package import Dispatch

extension DispatchTime {
    /// So much from now, a day at most: who has to wait for longer looks again then.
    package static func after(_ delay: Duration) -> DispatchTime {
        let (seconds, attoseconds) = min(max(.zero, delay), .seconds(86_400)).components
        return .now() + .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }
}
