/// Finds the rows that are left of a store, and decides how far each can be trusted. Writes nothing.
///
/// A row is verified if its bytes and its id match the checksum that the index of the *current* generation has for that
/// id and slot; nothing else counts. This also decides about rows in an older generation's file, if the current file is
/// missing, short or damaged. A rewrite copies rows with their checksums. So if a row lies in the slot that an older
/// index row names, and matches the current checksum, it is that very row. A row that was replaced since the rewrite
/// has another checksum, and a deleted row has no current index row. If the current index row itself is lost, the runs
/// may have the id, provided that it is known for sure which slots are dead. Otherwise an old version can't be told
/// from the newest, and the row is set aside.
///
/// The same goes for rows of the current file that no readable index row names. They are considered only if index rows
/// are missing by the store's own count, or can't be read; otherwise they are dead, and stay so. If commits are
/// missing, rows that lie beyond those of the last known commit may be rows that the missing commits have put.
struct Salvage {
    private let source: SalvageSource
    private let body: (SalvagedRow) throws -> Void
    private let progress: ProgressHandler
    private var report = SalvageReport()
    /// The slots of the current file that index rows name.
    private var named = SlotSet()
    /// The slots among them for which there is a checksum.
    private var vouched = SlotSet()
    /// The number of index rows of the current generation that could be read, and of those among them that are not
    /// valid.
    private var indexRows = 0
    private var badIndexRows = 0
    /// The ids, as bytes, of rows that were found by the runs alone.
    private var recovered: Set<[UInt8]> = []
    /// Whether the runs have supplied all rows that index rows didn't.
    private var isComplete = false
    private var delivered = 0
    /// The kinds that fit the ids of all verified rows. The narrower kind comes first, since each UUID is a text, too.
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
            // If all ids are lost, only the rows' vectors are left.
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

    /// Finds the row in whichever file has it.
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

    /// The slot that an index row names, if it is below the next slot; the file may be too short for it.
    private func namedSlot(_ row: RemainingRow) -> Slot? {
        guard let slot = layout.flatMap(row.slot) else { return nil }
        return source.record.map { slot < $0.nextSlot } ?? true ? slot : nil
    }

    // MARK: Rows without an index row, or with an old one

    /// Salvages rows by the ids of the metadata. So rows are found that lie between two pages that can't be read, which
    /// the walk over the index rows has missed.
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

    /// Whether the id has a current index row. If the walk has missed that index row, its row is salvaged now.
    private mutating func salvagesLostRow(_ id: SQLValue, _ index: StoreIndex, _ lost: UnreadableIDs?) throws -> Bool {
        guard let row = index.remainingRow(of: id, source.generation) else { return false }
        if let lost, lost.contains(id), namedSlot(row).map({ !named.contains($0) }) ?? true {
            indexRows += 1
            try salvage(id, row, index)
        }
        return true
    }

    /// Salvages rows whose ids are lost with their index rows, and are still in the runs. If it isn't known for sure
    /// which slots are dead, these rows are set aside, since a deleted row might come back.
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

    /// Sets aside rows of older generations' index rows whose ids have no current index row any more.
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
                // If the file is too short for its index, one of the missing commits let it be cut, after its last rows
                // were moved into gaps.
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
        // An older index may have been put back: a file that it doesn't know may have the rows that it lacks.
        for file in source.files where file.isOurs && !index.hasRemainingRows(file.generation) {
            try deliverRows(of: file, .setAside(.unnamed))
        }
    }

    /// Delivers every row of the current file. If it isn't known which file that is, delivers the rows of each file
    /// that belongs to the same store as the newest file, and has rows of one layout: of two layouts, as a re-embedding
    /// leaves them, that of the longest file.
    private mutating func salvageUnverified() throws {
        if source.record != nil, let current = source.current { return try deliverRows(of: current, .unverified) }
        let (store, layout) = (source.files.first?.header.store, layoutOfFiles)
        for file in source.files {
            if file.header.store != store {
                report.problems.append("\(file.name) belongs to another store, and was left out")
            } else if file.header.layout != layout {
                report.problems.append("\(file.name) has rows of another dimension, and was left out")
            } else {
                try deliverRows(of: file, .unverified)
            }
        }
    }

    /// The layout of the longest file of the newest file's store.
    private var layoutOfFiles: RowLayout? {
        let store = source.files.first?.header.store
        return source.files.filter { $0.header.store == store }.max { $0.slots < $1.slots }?.header.layout
    }

    /// Delivers the rows of a file, from a slot on, except rows of zeros and rows in `named`.
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

    // MARK: The report

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

    /// The number of rows that should be there, as far as it is known.
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
        let layout = layout ?? layoutOfFiles
        report.dimension = layout?.dimension
        report.element = layout?.element
        report.metric = record?.metric
        report.model = source.model
        report.idKind =
            report.unverified > 0 ? .integer : record?.idKind ?? (report.verified > 0 ? possibleKinds.first : nil)
        report.actions = source.recovery?.actions ?? []
        let isSound = report.problems.isEmpty && report.setAside.isEmpty && report.unverified == 0
        report.state = isSound ? source.recovery?.state ?? .damaged : .damaged
        return report
    }
}
