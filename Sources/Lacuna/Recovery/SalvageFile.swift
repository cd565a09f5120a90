/// A data file as salvage reads it: its name says the generation, and checksums prove its rows.
struct SalvageFile {
    let name: String
    let generation: Int64
    /// Whether the file belongs to this store, as far as it is known. Rows without a checksum are taken only from such
    /// a file.
    let isOurs: Bool
    /// The slot after the last one that fits into the file.
    let end: Slot
    private let file: DataFile

    var header: DataFileHeader { file.header }
    var slots: Int { end.number }

    /// - Parameter record: The index's record; without it, only a file with a sound header can be read.
    /// - Throws: The reason why the file can't be used.
    init(
        _ name: String,
        _ record: StoreRecord?,
        _ paths: StorePaths,
        _ fileSystem: any FileSystem
    ) throws(VectorStoreError) {
        self.name = name
        generation = StorePaths.generation(ofDataFile: name) ?? 0
        do {
            file = try DataFile.open(name, in: paths.directory, .read, fileSystem)
            isOurs = file.header.generation == generation && file.header.store == record?.uuidBytes ?? file.header.store
        } catch {
            guard case .header(let flaw) = error, let record else { throw error.asError(name) }
            if case .newer = flaw { throw error.asError(name) }
            // The header has no fact that the index doesn't have.
            let header = DataFileHeader(store: record.uuidBytes, generation: generation, record.layout)
            file = try mapped(DataFile.open(name, in: paths.directory, assuming: header, fileSystem))
            isOurs = true
        }
        end = max(Slot(0), file.layout.slot(at: try file.status().size))
    }

    /// The row in a slot that the index names, and its flaw; the flaw is nil if the row matches the checksum.
    func row(_ slot: Slot?, of id: SQLValue, _ expected: UInt32?) -> (vector: [Float], flaw: SetAsideReason?) {
        guard let slot, slot >= Slot(0), slot < end else { return ([], .outOfBounds) }
        guard let (row, checksum) = try? file.readRow(slot) else { return ([], .unreadable) }
        guard let expected else { return (row, .noChecksum) }
        if id.checksum(continuing: checksum) != expected { return (row, .badChecksum) }
        return (row, row.allSatisfy(\.isFinite) ? nil : .notFinite)
    }

    /// Calls `body` with the rows from a slot on, in their order, except rows in `named` and rows of zeros, which were
    /// erased, released or never written. For a row that can't be read, it is called with nil.
    func forEachRow(from first: Slot, except named: SlotSet, _ body: (Slot, [Float]?) throws -> Void) throws {
        let capacity = max(1, (1 << 20) / Int(file.stride))
        let rowBytes = Int(file.stride)
        var buffer = [UInt8](repeating: 0, count: capacity * rowBytes)
        var first = first
        // Holes may be far longer than everything that was ever written.
        while first < end, let data = file.extent(from: file.layout.offset(first)),
            data.lowerBound < file.layout.offset(end)
        {
            first = max(first, file.layout.slot(at: data.lowerBound))
            let window = first..<min(first.advanced(by: capacity), end)
            first = window.upperBound
            let isRead = read(window, into: &buffer)
            for (index, slot) in window.enumerated() where !named.contains(slot) {
                let row =
                    isRead ? floats(buffer[index * rowBytes..<(index + 1) * rowBytes]) : try? file.readRow(slot).vector
                if row.map({ $0.contains { $0.bitPattern != 0 } }) ?? true { try body(slot, row) }
            }
        }
    }

    private func floats(_ row: ArraySlice<UInt8>) -> [Float] {
        unsafe row.withUnsafeBytes { bytes in
            guard let address = bytes.baseAddress else { return [] }
            return unsafe file.layout.element.floats(at: address, count: header.dimension)
        }
    }

    private func read(_ window: Range<Slot>, into buffer: inout [UInt8]) -> Bool {
        var span = buffer.mutableSpan
        return unsafe span.withUnsafeMutableBytes { bytes in
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[..<(window.count * Int(file.stride))])
            return unsafe (try? file.read(into: part, at: file.layout.offset(window.lowerBound))) != nil
        }
    }
}
