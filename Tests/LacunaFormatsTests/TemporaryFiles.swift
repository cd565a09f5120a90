import Foundation
import Testing

@testable import LacunaFormats

/// A directory of its own for one test, deleted with the last reference.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("formats-\(UUID())").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    var contents: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func write(_ bytes: [UInt8], to name: String) throws -> String {
        try Data(bytes).write(to: URL(fileURLWithPath: file(name)))
        return file(name)
    }

    /// Calls `check` with every change of one byte of `bytes[range]`, made to the file at the path it is given: every
    /// value but the byte's own. The file is changed in place, as there are tens of thousands.
    func forEachMutation(
        of bytes: [UInt8],
        in range: Range<Int>,
        check: (_ path: String, _ index: Int, _ byte: UInt8) throws -> Void
    ) throws {
        let path = try write(bytes, to: "mutated")
        let file = try #require(FileHandle(forUpdatingAtPath: path))
        func set(_ byte: UInt8, at index: Int) throws {
            try file.seek(toOffset: UInt64(index))
            try file.write(contentsOf: [byte])
        }
        for index in range {
            for byte in UInt8.min...UInt8.max where byte != bytes[index] {
                try set(byte, at: index)
                try check(path, index, byte)
            }
            try set(bytes[index], at: index)
        }
        try file.close()
    }

    func bytes(of name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: file(name))))
    }
}

/// The message of the `FormatError` that `work` must throw, or nil if it returned.
func refusal(_ work: () throws(FormatError) -> Void) -> FormatError? {
    do {
        try work()
        return nil
    } catch {
        return error
    }
}

/// A .npy file from its parts, as NumPy's format page lays them out; no header text is checked.
func npyBytes(version: UInt8 = 1, header: String, data: [UInt8]) -> [UInt8] {
    let text = Array(header.utf8)
    let low = UInt8(text.count & 0xFF)
    let high = UInt8(text.count >> 8)
    let length = version == 1 ? [low, high] : [low, high, 0, 0]
    return [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, version, 0] + length + text + data
}

func npyHeader(type: String = "<f4", order: String = "False", shape: String) -> String {
    "{'descr': '\(type)', 'fortran_order': \(order), 'shape': \(shape), }\n"
}
