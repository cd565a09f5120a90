import Lacuna

extension SearchReport {
    /// Prints how rows were found: one JSON object with the member `explain`, or a table.
    func print(_ format: JSONOption, _ output: StandardOutput) throws {
        if format.json {
            let members = JSONText.object([
                "plan": JSONText(plan.rawValue), "reason": JSONText(reason), "threads": JSONText(threads),
                "passes": JSONText(passes),
                "scanned_rows": JSONText(scannedRows), "coded_rows": JSONText(codedRows),
                "left_by_first_level": JSONText(leftByFirstLevel),
                "left_by_second_level": JSONText(leftBySecondLevel),
                "computed_distances": JSONText(computedDistances), "read_bytes": JSONText(readBytes),
                "scan_seconds": JSONText(scanDuration.inSeconds), "seconds": JSONText(duration.inSeconds),
            ])
            return try output.line(JSONText.object(["explain": .raw(members)]))
        }
        try output.line("")
        try output.lines([
            "plan": reason.isEmpty ? plan.rawValue : "\(plan.rawValue): \(reason)",
            "rows read": "\(counted(scannedRows, "row")) in \(counted(passes, "pass", plural: "passes"))",
            "codes read": codedRows == 0
                ? "none"
                : "\(counted(codedRows, "row")), of which the first level left \(grouped(leftByFirstLevel)), "
                    + "and the second \(grouped(leftBySecondLevel))",
            "distances": "\(grouped(computedDistances)) computed in double precision",
            "bytes read": byteText(readBytes),
            "time": "\(decimal(duration.inSeconds * 1_000, 2)) ms, of which "
                + "\(decimal(scanDuration.inSeconds * 1_000, 2)) ms on \(counted(threads, "thread"))",
        ])
    }
}
