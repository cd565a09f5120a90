import TestSupport
import Testing

@testable import LacunaFormats

@Suite struct VECSReaderTests {
    static let rows: [UInt8] = [
        2, 0, 0, 0, 0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0,
        2, 0, 0, 0, 0, 0, 0, 0x3F, 0, 0, 0x40, 0x40,
    ]

    @Test func readsRows() throws {
        let directory = try TemporaryDirectory()
        let reader = try VECSReader(path: try directory.write("a.fvecs", Self.rows))
        #expect(reader.rows == 2)
        #expect(reader.dimension == 2)
        var buffer: [Float] = []
        #expect(try reader.next(1, into: &buffer) == 1)
        #expect(buffer == [1, -2])
        #expect(try reader.next(-1, into: &buffer) == 0)
        #expect(try reader.next(Int.max, into: &buffer) == 1)
        #expect(buffer == [0.5, 3])
        #expect(try reader.next(1, into: &buffer) == 0)
    }

    @Test(
        arguments: [
            ([], "is empty"), ([2, 0, 0], "is too short"), ([0, 0, 0, 0], "the dimension is 0"),
            ([0xFF, 0xFF, 0xFF, 0xFF], "the dimension is -1"), ([1, 0, 1, 0], "the dimension is 65537"),
            ([0, 0, 0, 0x80], "the dimension is -2147483648"), ([2, 0, 0, 0], "not whole rows of 12"),
            (Array(rows.dropLast()), "not whole rows of 12"), (rows + [0], "not whole rows of 12"),
        ] as [([UInt8], String)]
    )
    func refusesFiles(bytes: [UInt8], reason: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.fvecs", bytes)
        let error = refusal { () throws(FormatError) in _ = try VECSReader(path: path) }
        #expect(error?.kind == .invalid)
        #expect(error?.problem.contains(reason) == true, "\(error?.problem ?? "accepted")")
    }

    @Test func namesTheRowWhoseDimensionChanges() throws {
        let directory = try TemporaryDirectory()
        var bytes = Self.rows
        bytes[12] = 3
        let reader = try VECSReader(path: try directory.write("a.fvecs", bytes))
        var buffer: [Float] = []
        #expect(try reader.next(1, into: &buffer) == 1)
        let error = refusal { () throws(FormatError) in _ = try reader.next(1, into: &buffer) }
        #expect(error?.problem.contains("row 1 says dimension 3, and row 0 said 2") == true)
    }

    @Test func survivesEveryMutation() throws {
        let directory = try TemporaryDirectory()
        try directory.forEachMutation(of: Self.rows, in: Self.rows.indices) { path, index, byte in
            // A first dimension of 5 makes one row of the two, of the same length.
            let isDimension = index % 12 < 4 && !(index == 0 && byte == 5)
            var buffer: [Float] = []
            let error = refusal { () throws(FormatError) in _ = try VECSReader(path: path).next(9, into: &buffer) }
            #expect((error != nil) == isDimension)
        }
    }
}
