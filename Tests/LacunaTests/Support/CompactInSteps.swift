@testable import Lacuna

extension VectorStore {
    /// Compacts in smaller steps than usual, so that a small store has many of them.
    @discardableResult
    func compact(
        _ strategy: CompactionStrategy,
        _ limits: MaintenanceLimits,
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> CompactionReport {
        try writing().maintain(Pace(MaintenanceOptions(), progress), limits) { maintenance in
            try maintenance.turn { try Recovery.putInOrder($0) }
            return try Compactor(maintenance: maintenance).run(strategy)
        }
    }

    /// Erases in smaller steps than usual.
    @discardableResult
    func erase(
        _ ids: [ID],
        _ limits: MaintenanceLimits,
        progress: @escaping ProgressHandler = { _ in }
    ) throws -> ErasureReport {
        try erase(ids, Pace(MaintenanceOptions(), progress), limits)
    }
}

extension MaintenanceLimits {
    static func waiting(_ seconds: Double) -> MaintenanceLimits { MaintenanceLimits(drainSeconds: seconds) }

    /// Limits for a few rows at a time.
    static func small(rows: Int, dimension: Int) -> MaintenanceLimits {
        MaintenanceLimits(bytes: rows * dimension * 4, rows: rows)
    }
}
