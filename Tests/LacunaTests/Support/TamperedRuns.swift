@testable import Lacuna

/// Changes the entry of a slot in the runs of a closed store: it gets another id, and the checksum of the vector, or
/// any other checksum.
func tellRun(_ index: String, _ slot: Int, _ id: SQLValue, _ vector: [Float], checksum: UInt32? = nil) throws {
    let opened = StoreIndex(try rawConnection(index))
    var bytes = Checksum()
    unsafe vector.span.bytes.withUnsafeBytes { unsafe bytes.update($0) }
    let row = LiveRow(id: id, slot: Slot(slot), checksum: checksum ?? id.checksum(continuing: bytes))
    let record = try opened.record()
    try opened.replaceEntries([row], record.generation, record.codec)
}
