import Foundation
import Lacuna
import Measuring

/// Rows in memory.
struct Vectors {
    let dimension: Int
    private let floats: [Float]

    var count: Int { floats.count / dimension }
    var all: [[Float]] { (0..<count).map { self[$0] } }

    subscript(row: Int) -> [Float] { Array(floats[row * dimension..<(row + 1) * dimension]) }

    init(gaussian count: Int, _ dimension: Int) {
        self.dimension = dimension
        var random = SplitMix(seed: 11)
        var floats = [Float](repeating: 0, count: count * dimension)
        // The method of Box and Muller makes two numbers at a time.
        for index in stride(from: 0, to: floats.count, by: 2) {
            let radius = (-2 * Foundation.log(max(abs(random.nextFloat()), 1e-7))).squareRoot()
            let angle = random.nextFloat() * .pi
            floats[index] = radius * Foundation.cos(angle)
            if index + 1 < floats.count { floats[index + 1] = radius * Foundation.sin(angle) }
        }
        self.floats = floats
    }

    /// Reads a file of float32 in two dimensions, as `numpy.save` writes it in version 1 of the format.
    init(npy path: String, limit: Int?) throws {
        struct Unreadable: Error {}
        let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
        guard data.count > 10, data[6] == 1 else { throw Unreadable() }
        let start = 10 + Int(data[8]) + Int(data[9]) << 8
        let header = String(decoding: data[10..<start], as: UTF8.self)
        guard header.contains("'<f4'"), let shape = header.firstMatch(of: /\((\d+), (\d+)\)/),
            let rows = Int(shape.1), let dimension = Int(shape.2)
        else { throw Unreadable() }
        let count = min(rows, limit ?? rows) * dimension
        self.dimension = dimension
        floats = data.withUnsafeBytes { bytes in
            (0..<count).map { bytes.loadUnaligned(fromByteOffset: start + 4 * $0, as: Float.self) }
        }
    }

    /// The rows with a component of which the codes keep nothing: it differs by less than their error.
    func flattened() -> Vectors {
        var floats = floats
        for index in stride(from: 0, to: floats.count, by: dimension) { floats[index] *= 1e-3 }
        return Vectors(dimension: dimension, floats: floats)
    }

    private init(dimension: Int, floats: [Float]) {
        self.dimension = dimension
        self.floats = floats
    }

    /// Puts all rows; the id is the number of the row.
    func put(in store: VectorStore<Int64>) throws {
        for batch in Bench.batches(of: count) {
            try store.write { writer in for row in batch { try writer.put(self[row], for: Int64(row)) } }
        }
    }

    /// Weighted sums of two rows each.
    func mixtures(_ count: Int) -> [[Float]] {
        var random = SplitMix(seed: 12)
        return (0..<count).map { _ in
            let rows = [0, 1].map { _ in self[Int(random.next() % UInt64(self.count))] }
            return zip(rows[0], rows[1]).map { 0.7 * $0 + 0.5 * $1 }
        }
    }
}
