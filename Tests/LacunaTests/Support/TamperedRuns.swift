@testable import Lacuna

/// Has the runs of a closed store tell something else of a slot: the id and the checksum that a row of the vector has there, or
/// any checksum.
func tellRun(_ index: String, _ slot: Int, _ id: SQLValue, _ vector: [Float], checksum: UInt32? = nil) throws {
    let opened = StoreIndex(try rawConnection(index))
    var bytes = Checksum()
    unsafe vector.span.bytes.withUnsafeBytes { unsafe bytes.update($0) }
    let row = LiveRow(id: id, slot: Slot(slot), checksum: checksum ?? id.checksum(continuing: bytes))
    let record = try opened.record()
    try opened.replaceEntries([row], record.generation, record.codec)
}
