/// Makes the codes of a store's rows, or adds those of the rows that were added since.
///
/// A crash after each step leaves what the table of ``DerivedFile`` says. New tiles of a file that is in use are
/// written behind the slots that it covers, where nobody reads. If rows were moved or erased meanwhile, another
/// compaction or erasure would have run, and only one of them runs at a time.
struct CodesBuilder {
    let maintenance: Maintenance

    /// The codes are made anew, with a coder for the rows of today, if they cover less than this share of the rows.
    private static let leastCovered = 0.5

    func run() throws -> AccelerationReport {
        let start = ContinuousClock.now
        let file = try maintenance.openCurrentFile()
        let record = try maintenance.turn { try $0.index.record() }
        let end = CodesLayout.tilesEnd(before: record.nextSlot)
        let coder = try extend(record, file, to: end) ?? make(record, file, to: end)
        var report = AccelerationReport(
            components: coder?.components ?? 0,
            rows: end.number,
            bytes: coder.map { Int64(CodesLayout($0).length(covering: end)) } ?? 0
        )
        report.duration = ContinuousClock.now - start
        report.longestWriterPause = maintenance.longestTurn
        return report
    }

    /// Nil, with nothing done, if the store wants no codes, or all whole tiles have theirs.
    func runIfNeeded() throws -> AccelerationReport? {
        let isNeeded = try maintenance.turn { session in
            let record = try session.index.record()
            guard let codes = try session.index.codes(record.generation) else { return false }
            return codes.covered < CodesLayout.tilesEnd(before: record.nextSlot)
        }
        return isNeeded ? try run() : nil
    }

    /// Gives up all codes, and no longer wants any.
    func stop() throws {
        try maintenance.commit { index throws(VectorStoreError) in
            for file in try index.derivedFiles() where file.kind == DerivedFile.codes { try index.giveUp(file) }
        }
        try maintenance.turn { try $0.removeStaleDerivedFiles() }
    }

    /// Nil if there are no codes that are worth extending.
    private func extend(_ record: StoreRecord, _ file: DataFile, to end: Slot) throws -> Coder? {
        guard let row = try maintenance.turn({ try $0.index.codes(record.generation) }), row.covered <= end,
            row.covered.number > 0, Double(row.covered.number) >= Self.leastCovered * Double(end.number),
            let codes = CodesFile(
                row.name,
                nonce: row.nonce,
                record.header,
                record.metric,
                in: maintenance.paths.directory,
                maintenance.fileSystem
            ), try codes.isSound(below: row.covered, maintenance.check)
        else { return nil }
        let writer = try CodesWriter.open(
            row.name,
            nonce: row.nonce,
            codes.coder,
            in: maintenance.paths.directory,
            maintenance.fileSystem
        )
        do { try write(row.covered..<end, of: file, codes.coder, writer) } catch {
            writer.cut(to: row.covered)
            throw error
        }
        try cover(end, row)
        try maintenance.turn { try $0.removeStaleDerivedFiles() }
        return codes.coder
    }

    /// Nil if there are too few rows.
    private func make(_ record: StoreRecord, _ file: DataFile, to end: Slot) throws -> Coder? {
        let coder = end.number == 0 ? nil : try train(record, file, end)
        let (row, model) = try maintenance.turn { session in
            let row = try session.commit { () throws(VectorStoreError) in
                let index = session.index
                // A file that covers nothing is what an earlier attempt has left.
                for file in try index.derivedFiles() where file.kind == DerivedFile.codes && file.covered == Slot(0) {
                    try index.giveUp(file)
                }
                return try index.addCodes(record.generation)
            }
            try session.removeStaleDerivedFiles()
            return (row, try session.currentFile().status())
        }
        guard let coder else { return nil }
        let writer = try CodesWriter.create(
            row.name,
            nonce: row.nonce,
            coder,
            record.header,
            in: maintenance.paths.directory,
            like: model,
            maintenance.fileSystem
        )
        do {
            try write(Slot(0)..<end, of: file, coder, writer)
            try cover(end, row)
        } catch {
            writer.unlink()
            throw error
        }
        try maintenance.turn { try $0.removeStaleDerivedFiles() }
        return coder
    }

    /// Lets searches use what is written and synced, and gives older files up.
    private func cover(_ end: Slot, _ row: DerivedFile) throws {
        try maintenance.commit { index throws(VectorStoreError) in
            guard try index.cover(end, by: row) else { throw .foreignWriter }
            for file in try index.derivedFiles() where file.kind == row.kind && file.name != row.name {
                try index.giveUp(file)
            }
        }
    }

    private func train(_ record: StoreRecord, _ file: DataFile, _ end: Slot) throws -> Coder {
        let rowBytes = record.dimension * MemoryLayout<Float>.stride
        let count = min(end.number, CoderTraining.sampleRows, max(1, CoderTraining.sampleBytes / rowBytes))
        let dead = try maintenance.turn { try $0.index.deadSlots(record.generation) }
        var sample: [Float] = []
        for index in 0..<count {
            let slot = Slot(index * end.number / count)
            if dead.contains(slot) { continue }
            let row = try file.readRow(slot).vector
            if row.span.firstNonFinite == nil { sample += row }
        }
        let training = CoderTraining(
            record.metric,
            dimension: record.dimension,
            sample: sample,
            rows: Int(record.liveRows),
            check: maintenance.check
        )
        return try training.run()
    }

    /// Codes the rows in some slots, which begin and end with a tile, dead rows too. Makes the codes durable.
    private func write(_ slots: Range<Slot>, of file: DataFile, _ coder: Coder, _ writer: CodesWriter) throws {
        let layout = CodesLayout(coder)
        let blockBytes = Coder.blockRows * Int(file.stride)
        let batch = max(1, maintenance.limits.bytes / blockBytes) * Coder.blockRows
        var tile = [UInt8](repeating: 0, count: layout.tileBytes)
        for first in Swift.stride(from: slots.lowerBound.number, to: slots.upperBound.number, by: CodesLayout.tileSlots)
        {
            let end = first + CodesLayout.tileSlots
            for start in Swift.stride(from: first, to: end, by: batch) {
                let some = Slot(start)..<Slot(min(end, start + batch))
                try encode(some, of: file, coder, layout, into: &tile)
                let done = some.upperBound.number - slots.lowerBound.number
                try maintenance.advance(done, of: slots.count, bytes: some.count * Int(file.stride))
            }
            try writer.write(&tile, asTile: layout.tile(of: Slot(first)))
        }
        try writer.sync()
    }

    /// Codes the rows in some slots of a tile.
    private func encode(
        _ slots: Range<Slot>,
        of file: DataFile,
        _ coder: Coder,
        _ layout: CodesLayout,
        into tile: inout [UInt8]
    ) throws {
        var rows = [Float](repeating: 0, count: slots.count * file.layout.dimension)
        try unsafe rows.withUnsafeMutableBytes { buffer in
            let bytes = slots.count * Int(file.stride)
            let stored = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer.suffix(bytes))
            try unsafe file.read(into: stored, at: file.layout.offset(slots.lowerBound))
            unsafe file.layout.element.widen(stored, in: buffer)
        }
        unsafe tile.withUnsafeMutableBytes { tile in
            unsafe rows.withUnsafeBufferPointer { rows in
                let hasSecond = coder.secondLevelBytes > 0
                unsafe coder.encode(
                    rows,
                    UnsafeMutableRawBufferPointer(rebasing: tile[layout.block(of: slots.lowerBound)...]),
                    UnsafeMutableRawBufferPointer(
                        rebasing: hasSecond ? tile[layout.secondLevel(of: slots.lowerBound)...] : tile[..<0]
                    )
                )
            }
        }
    }
}
