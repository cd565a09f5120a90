/// Finds what is left of a store's rows, and how far each can be trusted. Reads, and writes nothing.
///
/// A row is verified by one thing only: its bytes and its id match the checksum that the index of the *current* generation
/// holds for that id and slot. That also decides what an older generation's file is good for, where the current one is missing,
/// short or rotten. A rewrite copies rows, checksums and all, so a row at the place that an older index row names, and
/// matching the current checksum, is that very row; one that was replaced since the rewrite has another checksum, and
/// one that was deleted has no current index row. Where that index row itself is lost, the runs may tell the id, if it is known
/// for sure which slots are dead; else nothing tells an old version from the newest, and it is set aside.
///
/// The same holds for rows of the current file that no readable index row names. They are looked at only where index rows
/// are missing by the store's own count, or can't be read; otherwise they are dead, and stay so. Where commits are missing,
/// what lies beyond the rows that the last one knew may be what they put there.
struct Salvage {
    private let source: SalvageSource
    private let body: (SalvagedRow) throws -> Void
    private let progress: ProgressHandler
    private var report = SalvageReport()
    /// Slots of the current file that index rows name.
    private var named = SlotSet()
    /// Those of them whose runs tell the same id.
    private var vouched = SlotSet()
    /// Index rows of the current generation that could be read, valid or not, and those that are not valid.
    private var indexRows = 0
    private var badIndexRows = 0
    /// The ids, in their bytes, of rows that only the runs told.
    private var recovered: Set<[UInt8]> = []
    /// Whether the runs have told all rows that the other tables didn't.
    private var isComplete = false
    private var delivered = 0
    /// What the ids of all verified rows may be; the narrower kind first, as each UUID is a text, too.
    private var possibleKinds: [VectorIDKind] = [.uuid, .integer, .text]

    init(_ source: SalvageSource, _ progress: @escaping ProgressHandler, _ body: @escaping (SalvagedRow) throws -> Void)
    {
        self.source = source
        self.progress = progress
        self.body = body
    }

    mutating func run() throws -> SalvageReport {
        guard let index = source.index else {
            try salvageUnverified()
            return finishedReport(nil)
        }
        let lost = try salvageRows(index)
        if isIncomplete(lost) { try salvageRowsOfRuns(index) }
        try salvageMetadata(index, lost)
        if isIncomplete(lost) { try setAsideOlderVersions(index, lost) }
        if indexRows == 0 && isIncomplete(lost) && report.setAside[.olderVersion] == nil {
            // With every id lost, rows are all there is.
            try salvageUnverified()
        } else {
            try setAsideUnnamed(index, isIncomplete: isIncomplete(lost))
        }
        return finishedReport(lost)
    }

    private func isIncomplete(_ lost: UnreadableIDs?) -> Bool {
        if isComplete { return false }
        return lost != nil || badIndexRows > 0 || Int64(vouched.count) < source.record?.liveRows ?? .max
    }

    // MARK: Rows that the index names

    private mutating func salvageRows(_ index: StoreIndex) throws -> UnreadableIDs? {
        try index.forEachRemainingRow(source.generation) { id, row in
            indexRows += 1
            guard let id, let row else {
                badIndexRows += 1
                return try deliver(SalvagedRow(.setAside(.badIndexRow), id: id))
            }
            try salvage(id, row, index)
        }
    }

    private mutating func salvage(_ id: SQLValue, _ row: RemainingRow, _ index: StoreIndex) throws {
        if let slot = namedSlot(row) { named.insert(slot) }
        let (vector, flaw) = find(id, row, index)
        let metadata = index.remainingMetadata(of: id)
        let isKind = source.record?.idKind.includes(id) ?? true
        try deliver(
            SalvagedRow(
                flaw.map { .setAside($0) } ?? (isKind ? .verified : .setAside(.badID)),
                id: id,
                vector: vector,
                metadataJSON: metadata.soundText
            )
        )
        switch metadata {
        case .none, .sound: break
        case .bad(let text): try deliver(SalvagedRow(.setAside(.badMetadata), id: id, metadataJSON: text))
        case .unreadable: try deliver(SalvagedRow(.setAside(.unreadableMetadata), id: id))
        }
    }

    /// The row, from whichever file has it.
    private mutating func find(_ id: SQLValue, _ row: RemainingRow, _ index: StoreIndex) -> (
        vector: [Float], flaw: SetAsideReason?
    ) {
        let slot = layout.flatMap(row.slot)
        let checksum = row.checksum ?? slot.flatMap { try? source.runs?.checksum(of: id, in: $0) }
        if let slot = namedSlot(row), checksum != nil { vouched.insert(slot) }
        let here = source.current?.row(slot, of: id, checksum) ?? ([], .missingFile)
        if here.flaw == nil || here.flaw == .notFinite || checksum == nil { return here }
        for file in source.files where file.generation != source.current?.generation {
            let place = file.generation == source.generation ? row : index.remainingRow(of: id, file.generation)
            guard let place else { continue }
            let there = file.row(place.slot(file.header.layout), of: id, checksum)
            if there.flaw == nil { return there }
        }
        return here
    }

    private var layout: RowLayout? { source.current?.header.layout ?? source.record?.layout }

    /// The slot that an index row names below the next one, whether or not the file is long enough.
    private func namedSlot(_ row: RemainingRow) -> Slot? {
        guard let slot = layout.flatMap(row.slot) else { return nil }
        return source.record.map { slot < $0.nextSlot } ?? true ? slot : nil
    }

    // MARK: What has no index row, or an old one

    /// Metadata whose row the walk over the rows didn't come by: their ids find rows between two pages that can't be read.
    private mutating func salvageMetadata(_ index: StoreIndex, _ lost: UnreadableIDs?) throws {
        let unreadable = try index.forEachRemainingMetadataID { id in
            guard let id else { return try deliver(SalvagedRow(.setAside(.unreadableMetadata))) }
            if recovered.contains(Array(id.idText.utf8)) { return }
            if try salvagesLostRow(id, index, lost) { return }
            let text: String? =
                switch index.remainingMetadata(of: id) {
                case .sound(let text), .bad(let text): text
                case .none, .unreadable: nil
                }
            try deliver(SalvagedRow(.setAside(.metadataWithoutRow), id: id, metadataJSON: text))
        }
        if unreadable != nil { report.problems.append("index.sqlite: the table metadata can't be read to its end") }
    }

    /// Whether the id has a current index row, which is salvaged now if the walk didn't come by it.
    private mutating func salvagesLostRow(_ id: SQLValue, _ index: StoreIndex, _ lost: UnreadableIDs?) throws -> Bool {
        guard let row = index.remainingRow(of: id, source.generation) else { return false }
        if let lost, lost.contains(id), namedSlot(row).map({ !named.contains($0) }) ?? true {
            indexRows += 1
            try salvage(id, row, index)
        }
        return true
    }

    /// Rows whose ids no index row tells any more, and the runs still do. Which slots are dead must be known for sure, or a
    /// deleted row would come back: else they are set aside.
    private mutating func salvageRowsOfRuns(_ index: StoreIndex) throws {
        guard let record = source.record, let current = source.current else { return }
        let dead = try? index.deadSlots(record.generation)
        let isSound = dead.map { Int64($0.count) == record.deadRows } ?? false
        try index.forEachRemainingEntry(record.generation, record.codec) { slot, id, checksum in
            if slot >= record.nextSlot || vouched.contains(slot) || dead?.contains(slot) == true { return }
            let row = current.row(slot, of: id, checksum)
            if row.flaw != nil { return }
            named.insert(slot)
            vouched.insert(slot)
            let metadata = index.remainingMetadata(of: id)
            try deliver(
                SalvagedRow(
                    isSound ? .verified : .setAside(.unnamed),
                    id: id,
                    at: (slot, current.name),
                    vector: row.vector,
                    metadataJSON: metadata.soundText
                )
            )
            if isSound { recovered.insert(Array(id.idText.utf8)) }
        }
        isComplete = isSound && Int64(vouched.count) == record.liveRows
    }

    /// Rows of other generations' index rows whose ids the current generation has lost.
    private mutating func setAsideOlderVersions(_ index: StoreIndex, _ lost: UnreadableIDs?) throws {
        for file in source.files where file.isOurs && file.generation != source.generation {
            let runs = source.runs(of: file.generation)
            _ = try index.forEachRemainingRow(file.generation) { id, row in
                guard let id, let row, try !salvagesLostRow(id, index, lost) else { return }
                guard let slot = row.slot(file.header.layout) else { return }
                let checksum = row.checksum ?? (try? runs?.checksum(of: id, in: slot)) ?? nil
                let found = file.row(slot, of: id, checksum)
                if found.flaw != nil && found.flaw != .noChecksum { return }
                try deliver(
                    SalvagedRow(.setAside(.olderVersion), id: id, at: (slot, file.name), vector: found.vector)
                )
            }
        }
    }

    private mutating func setAsideUnnamed(_ index: StoreIndex, isIncomplete: Bool) throws {
        if let current = source.current {
            if isIncomplete {
                try deliverRows(of: current, except: named, .setAside(.unnamed))
            } else if let record = source.record, source.lacksCommits {
                // A file that is too short for its index was cut by one of them, once its last rows were in the gaps.
                let isCut = current.end < record.nextSlot
                try deliverRows(
                    of: current,
                    from: isCut ? Slot(0) : record.nextSlot,
                    except: named,
                    .setAside(.unnamed)
                )
            }
            return
        }
        // An older index may have been put back: a file that it doesn't know may be what it lacks.
        for file in source.files where file.isOurs && !index.hasRemainingRows(file.generation) {
            try deliverRows(of: file, .setAside(.unnamed))
        }
    }

    /// Every row of the current file, or, where nothing tells which that is, of each file of the newest one's store.
    private mutating func salvageUnverified() throws {
        if source.record != nil, let current = source.current { return try deliverRows(of: current, .unverified) }
        let newest = source.files.first?.header
        for file in source.files {
            if file.header.store == newest?.store && file.header.dimension == newest?.dimension {
                try deliverRows(of: file, .unverified)
            } else {
                report.problems.append("\(file.name) belongs to another store, and was left out")
            }
        }
    }

    /// The rows of a file, from a slot on, that hold anything, but for those that were `named`.
    private mutating func deliverRows(
        of file: SalvageFile,
        from first: Slot = Slot(0),
        except named: SlotSet = SlotSet(),
        _ verdict: SalvageVerdict
    ) throws {
        try file.forEachRow(from: first, except: named) { slot, vector in
            var verdict = verdict
            if verdict == .unverified, vector?.allSatisfy(\.isFinite) == false { verdict = .setAside(.notFinite) }
            if vector == nil { verdict = .setAside(.unreadable) }
            try deliver(SalvagedRow(verdict, at: (slot, file.name), vector: vector ?? []))
        }
    }

    // MARK: Telling it

    private mutating func deliver(_ row: SalvagedRow) throws {
        try body(row)
        switch row.verdict {
        case .verified:
            report.verified += 1
            if let id = row.id, source.record == nil { possibleKinds.removeAll { !$0.includes(id) } }
        case .unverified: report.unverified += 1
        case .setAside(let reason): report.setAside[reason, default: 0] += 1
        }
        delivered += 1
        try progress(MaintenanceProgress(done: delivered, total: max(total, delivered)))
    }

    /// Rows that there should be, as far as is known.
    private var total: Int {
        source.record.map { Int($0.liveRows) } ?? source.files.reduce(0) { min($0 + $1.slots, .max / 2) }
    }

    private func finishedReport(_ lost: UnreadableIDs?) -> SalvageReport {
        var report = report
        let record = source.record
        report.problems = source.problems + report.problems
        if lost != nil { report.problems.append("index.sqlite: the table vectors can't be read to its end") }
        if let record, Int64(indexRows) != record.liveRows {
            report.problems.append("the index counts \(record.liveRows) live rows, and \(indexRows) were found")
        }
        report.dimension = source.current?.header.dimension ?? record?.dimension ?? source.files.first?.header.dimension
        report.metric = record?.metric
        report.idKind =
            report.unverified > 0 ? .integer : record?.idKind ?? (report.verified > 0 ? possibleKinds.first : nil)
        report.actions = source.recovery?.actions ?? []
        let isSound = report.problems.isEmpty && report.setAside.isEmpty && report.unverified == 0
        report.state = isSound ? source.recovery?.state ?? .damaged : .damaged
        return report
    }
}
