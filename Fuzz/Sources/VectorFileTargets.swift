import Foundation
import LacunaFormats
import TestSupport

/// The rows of a file, and the same rows after they were written and read again.
private struct Rows {
    let dimension: Int
    /// The components, row after row.
    var components: [Float] = []

    var count: Int { components.count / dimension }

    func row(_ index: Int) -> [Float] { Array(components[index * dimension..<(index + 1) * dimension]) }
}

/// A .npy file: it must have no more rows than fit into it, give the same rows in every way of reading, and be written
/// back as it was.
struct NPYTarget: Target {
    static func seeds() throws -> [[UInt8]] {
        let sample = try Scratch.read("Examples/packages/sample.npy")
        let header = "{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }"
        let text = Array(header.utf8) + [UInt8](repeating: 0x20, count: 117 - header.utf8.count) + [0x0A]
        let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
        let rows: [UInt8] = (0..<48).map { $0 }
        func file(_ from: String, _ to: String, _ bytes: Int) -> [UInt8] {
            let text = String(decoding: text, as: UTF8.self).replacingOccurrences(of: from, with: to)
            return magic + [1, 0, UInt8(text.utf8.count), 0] + Array(text.utf8) + rows.prefix(bytes)
        }
        return [
            file("<f2", "<f2", 12), file("<f2", "<f4", 24), file("<f2", "<f8", 48), file("(2, 3)", "(6,)", 12),
            magic + [2, 0, 118, 0, 0, 0] + text + rows.prefix(12), Array(sample.prefix(512)),
        ]
    }

    private let path = Scratch.file("in.npy")
    private let copy = Scratch.file("copy.npy")

    func run(_ input: [UInt8]) throws {
        try Scratch.write(input, to: path)
        guard let rows = try worksOrRefuses({ try read(path) }) else { return }
        // A component has at least two bytes.
        try expect(
            rows.components.count <= input.count / 2,
            "\(rows.components.count) components in \(input.count) bytes"
        )
        let writer = try NPYWriter(path: copy, dimension: rows.dimension)
        for index in 0..<rows.count { try writer.append(rows.row(index)) }
        let length = try writer.finish()
        try expect(try Scratch.read(copy).count == length, "another length than \(length)")
        try expect(try read(copy).components.bitPatterns == rows.components.bitPatterns, "written otherwise")
    }

    private func read(_ path: String) throws -> Rows {
        let reader = try NPYReader(path: path)
        var rows = Rows(dimension: reader.dimension)
        var buffer: [Float] = []
        while case let count = try reader.next(3, into: &buffer), count > 0 { rows.components += buffer }
        try expect(rows.count == reader.rows, "\(rows.count) rows of \(reader.rows)")
        for index in 0..<min(rows.count, 4) {
            try expect(try reader.row(index).bitPatterns == rows.row(index).bitPatterns, "row \(index) by itself")
        }
        return rows
    }
}

/// The same for an .fvecs file. If it is read completely, it must be written back byte for byte.
struct FVECSTarget: Target {
    static func seeds() -> [[UInt8]] {
        let row: [UInt8] = [2, 0, 0, 0, 0, 0, 128, 63, 0, 0, 0, 64]
        return [
            row, row + row + row, [1, 0, 0, 0, 0, 0, 192, 127], row + [3] + row.dropFirst(), [255, 255, 255, 127],
        ]
    }

    private let path = Scratch.file("in.fvecs")
    private let copy = Scratch.file("copy.fvecs")

    func run(_ input: [UInt8]) throws {
        try Scratch.write(input, to: path)
        guard let rows = try worksOrRefuses({ try read(path) }) else { return }
        let writer = try FVECSWriter(path: copy, dimension: rows.dimension)
        for index in 0..<rows.count { try writer.append(rows.row(index)) }
        _ = try writer.finish()
        try expect(try Scratch.read(copy) == input, "written otherwise")
    }

    private func read(_ path: String) throws -> Rows {
        let reader = try VECSReader(path: path)
        var rows = Rows(dimension: reader.dimension)
        var buffer: [Float] = []
        while case let count = try reader.next(3, into: &buffer), count > 0 { rows.components += buffer }
        try expect(rows.count == reader.rows, "\(rows.count) rows of \(reader.rows ?? 0)")
        return rows
    }
}
