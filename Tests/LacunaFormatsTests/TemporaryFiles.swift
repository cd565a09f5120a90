import Foundation
import TestSupport
import Testing

@testable import LacunaFormats

extension TemporaryDirectory {
    /// Calls `check` with every change of one byte of `bytes[range]`, made to the file at the path it is given: every
    /// value but the byte's own. The file is changed in place, as there are tens of thousands.
    func forEachMutation(
        of bytes: [UInt8],
        in range: Range<Int>,
        check: (_ path: String, _ index: Int, _ byte: UInt8) throws -> Void
    ) throws {
        let path = try write("mutated", bytes)
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
