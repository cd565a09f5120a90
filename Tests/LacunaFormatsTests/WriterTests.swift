import Foundation
import TestSupport
import Testing

@testable import LacunaFormats

@Suite struct WriterTests {
    @Test func writesNPYByteForByte() throws {
        let directory = try TemporaryDirectory()
        let writer = try NPYWriter(path: directory / "a.npy", dimension: 2)
        try writer.append([1, -2])
        try writer.append([0.5, 3])
        #expect(try directory.names() == ["a.npy.lacuna-partial"])
        #expect(try writer.finish() == 144)
        #expect(try directory.names() == ["a.npy"])
        let dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
        let header = dictionary + String(repeating: " ", count: 117 - dictionary.utf8.count) + "\n"
        let data: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F, 0, 0, 0x40, 0x40]
        #expect(try Array(directory.read("a.npy")) == npyBytes(header: header, data: data))
    }

    @Test(arguments: [
        (NPYElement.half, "<f2", [0, 0x3C, 0, 0xC0, 0, 0, 0, 0x80]), (.int8, "|i1", [1, 0xFE, 0, 0]),
        (.double, "<f8", [0, 0, 0, 0, 0, 0, 0xF0, 0x3F] + [UInt8](repeating: 0, count: 7) + [0xC0]),
    ])
    func writesOtherElements(element: NPYElement, type: String, data: [UInt8]) throws {
        let directory = try TemporaryDirectory()
        let writer = try NPYWriter(path: directory / "a.npy", dimension: 2, element: element)
        try writer.append([1, -2])
        if element != .double { try writer.append([0, -0.0]) }
        _ = try writer.finish()
        let header = npyHeader(type: type, shape: "(\(element == .double ? 1 : 2), 2)").dropLast()
        let padded = String(header) + String(repeating: " ", count: 117 - header.utf8.count) + "\n"
        #expect(try Array(directory.read("a.npy")) == npyBytes(header: padded, data: data))
    }

    @Test(arguments: [(NPYElement.half, Float(65_520)), (.half, .infinity), (.int8, 0.5), (.int8, 128), (.int8, .nan)])
    func refusesWhatTheTypeCannotHold(element: NPYElement, value: Float) throws {
        let directory = try TemporaryDirectory()
        let writer = try NPYWriter(path: directory / "a.npy", dimension: 3, element: element)
        try writer.append([1, 2, 3])
        let error = refusal { () throws(FormatError) in try writer.append([1, value, 3]) }
        #expect(error?.problem.contains("row 1, component 1: \(value)") == true)
    }

    @Test func writesFVECSByteForByte() throws {
        let directory = try TemporaryDirectory()
        let writer = try FVECSWriter(path: directory / "a.fvecs", dimension: 2)
        try writer.append([1, -2])
        try writer.append([0.5, 3])
        #expect(try writer.finish() == 24)
        let row0: [UInt8] = [2, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]
        let row1: [UInt8] = [2, 0, 0, 0, 0, 0, 0, 0x3F, 0, 0, 0x40, 0x40]
        #expect(try Array(directory.read("a.fvecs")) == row0 + row1)
    }

    @Test func writesLines() throws {
        let directory = try TemporaryDirectory()
        let writer = try LineWriter(path: directory / "a.jsonl")
        try writer.append("{\"a\": \"é\"}")
        try writer.append("{}")
        #expect(refusal { () throws(FormatError) in try writer.append("{\n}") }?.problem.contains("line 3") == true)
        #expect(refusal { () throws(FormatError) in try writer.append("{}\r") } != nil)
        #expect(refusal { () throws(FormatError) in try writer.append("{}\r\n") } != nil)
        #expect(try writer.finish() == 15)
        #expect(try Array(directory.read("a.jsonl")) == Array("{\"a\": \"é\"}\n{}\n".utf8))
    }

    /// Over the 1 MiB of the buffers of writer and reader, so that rows lie across their ends.
    @Test(arguments: [(1000, 700), (3, 65_536), (300_000, 1)])
    func roundTripsThroughBothFormats(rows: Int, dimension: Int) throws {
        let directory = try TemporaryDirectory()
        let npy = try NPYWriter(path: directory / "a.npy", dimension: dimension)
        let fvecs = try FVECSWriter(path: directory / "a.fvecs", dimension: dimension)
        var bits: UInt32 = 0
        var expected: [UInt32] = []
        for _ in 0..<rows {
            // Any pattern, NaN with a payload among them: a file format does not look at the values.
            let row = (0..<dimension).map { _ in
                bits = bits &* 1_664_525 &+ 1_013_904_223
                return Float(bitPattern: bits)
            }
            expected += row.map(\.bitPattern)
            try npy.append(row)
            try fvecs.append(row)
        }
        #expect(try npy.finish() == 128 + 4 * rows * dimension)
        #expect(try fvecs.finish() == 4 * rows * (dimension + 1))
        let npyReader = try NPYReader(path: directory / "a.npy")
        let fvecsReader = try VECSReader(path: directory / "a.fvecs")
        #expect(npyReader.rows == rows)
        #expect(fvecsReader.rows == rows)
        var fromNPY: [UInt32] = []
        var fromFVECS: [UInt32] = []
        var buffer: [Float] = []
        while try npyReader.next(777, into: &buffer) > 0 { fromNPY += buffer.map(\.bitPattern) }
        while try fvecsReader.next(100_001, into: &buffer) > 0 { fromFVECS += buffer.map(\.bitPattern) }
        #expect(fromNPY == expected)
        #expect(fromFVECS == expected)
    }

    @Test func leavesNothingWhenDropped() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("a.npy", [1, 2, 3])
        do {
            let writer = try NPYWriter(path: directory / "a.npy", dimension: 1)
            try writer.append([1])
        }
        #expect(try directory.names() == ["a.npy"])
        #expect(try Array(directory.read("a.npy")) == [1, 2, 3])
    }

    @Test func takesOverAPartialFileThatWasLeftAndReplacesTheOld() throws {
        let directory = try TemporaryDirectory()
        _ = try directory.write("a.fvecs.lacuna-partial", [UInt8](repeating: 7, count: 1000))
        _ = try directory.write("a.fvecs", [9])
        let writer = try FVECSWriter(path: directory / "a.fvecs", dimension: 1)
        try writer.append([1])
        #expect(try writer.finish() == 8)
        #expect(try directory.names() == ["a.fvecs"])
        #expect(try Array(directory.read("a.fvecs")) == [1, 0, 0, 0, 0, 0, 0x80, 0x3F])
    }

    /// The file that a killed process has left may have another name by now.
    @Test func leavesAlonePartialFilesWithAnotherName() throws {
        let directory = try TemporaryDirectory()
        let left = try directory.write("a.jsonl.lacuna-partial", "mine")
        try FileManager.default.linkItem(atPath: left, toPath: directory / "mine.txt")
        let writer = try LineWriter(path: directory / "a.jsonl")
        try writer.append("{}")
        #expect(try writer.finish() == 3)
        #expect(try directory.read("mine.txt") == Data("mine".utf8))
        #expect(try directory.read("a.jsonl") == Data("{}\n".utf8))
    }

    @Test func keepsThePermissionsOfTheFileThatItReplaces() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.jsonl", "old")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        let writer = try LineWriter(path: path)
        try writer.append("{}")
        _ = try writer.finish()
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
    }

    @Test func refusesASecondWriterOfOneName() throws {
        let directory = try TemporaryDirectory()
        let path = directory / "a.jsonl"
        let first = try LineWriter(path: path)
        let error = refusal { () throws(FormatError) in _ = try LineWriter(path: path) }
        #expect(error?.problem.contains("another process is writing it") == true)
        try first.append("{}")
        #expect(try first.finish() == 3)
        #expect(try directory.names() == ["a.jsonl"])
    }

    @Test func refusesAppendsAfterTheEndAndWrongRows() throws {
        let directory = try TemporaryDirectory()
        let writer = try NPYWriter(path: directory / "a.npy", dimension: 2)
        let wrong = refusal { () throws(FormatError) in try writer.append([1]) }
        #expect(wrong?.problem.contains("row 0 has 1 component,") == true)
        _ = try writer.finish()
        #expect(refusal { () throws(FormatError) in try writer.append([1, 2]) }?.problem.contains("finished") == true)
        #expect(refusal { () throws(FormatError) in _ = try writer.finish() } != nil)
        #expect(try NPYReader(path: directory / "a.npy").rows == 0)
        for dimension in [0, -1, 65_537, Int.min] {
            #expect(
                refusal { () throws(FormatError) in
                    _ = try FVECSWriter(path: directory / "b", dimension: dimension)
                } != nil
            )
        }
        #expect(try directory.names() == ["a.npy"])
    }

    @Test func refusesWhereItCannotWrite() throws {
        let directory = try TemporaryDirectory()
        func kind(_ path: String) -> FormatError.Kind? {
            refusal { () throws(FormatError) in _ = try LineWriter(path: path) }?.kind
        }
        #expect(kind(directory / "none/a.jsonl") == .io(errno: 2))
        #expect(kind(directory.path) == .io(errno: 21))
        #expect(kind("/dev/null") == .io(errno: 29))
        #expect(try directory.names().isEmpty)
    }
}
