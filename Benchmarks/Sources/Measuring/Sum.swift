/// The sum of all floats of a row. It reads each of them, faster than memory delivers them. Rows may have any
/// alignment.
package func sum(_ row: UnsafeRawBufferPointer) -> Float {
    typealias Lanes = SIMD16<Float>
    let width = MemoryLayout<Lanes>.stride
    var sums = (Lanes.zero, Lanes.zero)
    var offset = 0
    while offset + 2 * width <= row.count {
        sums.0 += row.loadUnaligned(fromByteOffset: offset, as: Lanes.self)
        sums.1 += row.loadUnaligned(fromByteOffset: offset + width, as: Lanes.self)
        offset += 2 * width
    }
    var total = (sums.0 + sums.1).sum()
    while offset < row.count {
        total += row.loadUnaligned(fromByteOffset: offset, as: Float.self)
        offset += MemoryLayout<Float>.stride
    }
    return total
}
