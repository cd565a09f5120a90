import Lacuna
import LacunaFormats

/// Writes the file of a salvage for `import`, and the one beside it for rows that are set aside. Each file appears when
/// it is complete, and only if it has content.
final class SalvageWriter {
    /// The numbers of rows that were written, for the answer.
    private(set) var salvaged = 0
    private(set) var unverified = 0
    private(set) var setAside: [SetAsideReason: Int] = [:]
    let path: String
    let setAsidePath: String
    /// Nil in a dry run, which writes nothing.
    private let rows: LineWriter?
    private let setAsideRows: LineWriter?
    /// The id of an unverified row is its slot; ids for a second data file go on after those for the first.
    private var dataFile: String?
    private var firstID: Int64 = 0
    private var nextID: Int64 = 0

    var setAsideCount: Int { setAside.values.reduce(0, +) }

    init(_ path: String, dryRun: Bool) throws {
        self.path = path
        let ending = path.suffix(".jsonl".count)
        setAsidePath = path.dropLast(ending.count) + ".set-aside" + ending
        for path in [path, setAsidePath] where OutputFiles.isThere(path) {
            throw CommandError(.cannotCreate, "\(path) is there already", remedy: "name another file, or move it away")
        }
        do {
            // Makes both files now, so that an error comes before everything is read.
            rows = dryRun ? nil : try LineWriter(path: path)
            setAsideRows = dryRun ? nil : try LineWriter(path: setAsidePath)
        } catch { throw CommandError.creating(error) }
    }

    func append(_ row: SalvagedRow) throws {
        switch row.verdict {
        case .verified: try appendVerified(row)
        case .unverified: try appendUnverified(row)
        case .setAside(let reason): try append(row, setAsideFor: reason)
        }
    }

    /// Gives the files their names, the file for `import` last, and returns the names.
    func finish() throws -> [String] {
        var files: [String] = []
        if let setAsideRows, !setAside.isEmpty {
            try setAsideRows.finishNew()
            files.append(setAsidePath)
        }
        if let rows, salvaged + unverified > 0 {
            try rows.finishNew()
            files.insert(path, at: 0)
        }
        return files
    }

    private func appendVerified(_ row: SalvagedRow) throws {
        // A row that `import` refuses would keep all other rows out, too.
        let metadata = row.metadataJSON.flatMap { (try? JSONObject($0)) == nil ? nil : $0 }
        if metadata == nil && row.metadataJSON != nil { try append(row, setAsideFor: .badMetadata, vector: []) }
        try rows?.append(try FullRow.line(idText: Self.idText(row), vector: row.vector, metadata: metadata))
        salvaged += 1
    }

    private func appendUnverified(_ row: SalvagedRow) throws {
        if row.dataFile != dataFile {
            dataFile = row.dataFile
            firstID = nextID
        }
        let slot = Int64(row.slot ?? 0)
        nextID = firstID + slot + 1
        let metadata = JSONText.object([
            "lacuna_slot": JSONText(slot), "lacuna_file": JSONText(row.dataFile ?? ""),
            "lacuna_unverified": .raw("true"),
        ])
        try rows?.append(try FullRow.line(idText: "\(firstID + slot)", vector: row.vector, metadata: metadata))
        unverified += 1
    }

    private func append(_ row: SalvagedRow, setAsideFor reason: SetAsideReason, vector: [Float]? = nil) throws {
        setAside[reason, default: 0] += 1
        guard let setAsideRows else { return }
        let vector = vector ?? row.vector
        let components = vector.map { JSONText.raw($0.isFinite ? $0.description : "null") }
        var line = "{\"id\":\(Self.idText(row)),\"reason\":\(jsonString(reason.rawValue))"
        if let slot = row.slot, let file = row.dataFile {
            line += ",\"slot\":\(slot),\"data_file\":\(jsonString(file))"
        }
        line += ",\"vector\":\(vector.isEmpty ? "null" : JSONText(components).text)"
        if let metadata = row.metadataJSON {
            let isObject = (try? JSONObject(metadata)) != nil
            line += ",\"metadata\":\(isObject ? JSONObject.singleLine(metadata) : jsonString(metadata))"
        }
        try setAsideRows.append(line + "}")
    }

    private static func idText(_ row: SalvagedRow) -> String {
        switch row.id {
        case .integer(let integer): JSONScalar.integer(integer).jsonText
        case .text(let text): JSONScalar.string(text).jsonText
        default: "null"
        }
    }
}
