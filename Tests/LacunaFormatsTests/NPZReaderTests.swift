import TestSupport
import Testing

@testable import LacunaFormats

@Suite struct NPZReaderTests {
    /// A ZIP file of stored entries, as its specification lays it out.
    private func zip(_ entries: [(name: String, bytes: [UInt8])], method: Int = 0, comment: String = "") -> [UInt8] {
        func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var file: [UInt8] = []
        var directory: [UInt8] = []
        for (name, bytes) in entries {
            let common =
                number(20, 2) + number(0, 2) + number(method, 2) + number(0, 4) + number(Int(crc32(bytes)), 4)
                + number(bytes.count, 4) + number(bytes.count, 4) + number(name.utf8.count, 2)
            directory +=
                [0x50, 0x4B, 1, 2] + number(20, 2) + common + number(0, 12) + number(file.count, 4) + name.utf8
            // The local header has an extra field, as numpy's has.
            file += [0x50, 0x4B, 3, 4] + common + number(4, 2) + name.utf8 + [9, 9, 0, 0] + bytes
        }
        let end =
            [0x50, 0x4B, 5, 6] + number(0, 4) + number(entries.count, 2) + number(entries.count, 2)
            + number(directory.count, 4) + number(file.count, 4) + number(comment.utf8.count, 2) + Array(comment.utf8)
        return file + directory + end
    }

    private func npy(_ values: [UInt8]) -> [UInt8] {
        npyBytes(header: npyHeader(type: "|i1", shape: "(\(values.count / 2), 2)"), data: values)
    }

    private func rows(_ bytes: [UInt8], table: String? = nil) throws -> [[Float]] {
        let directory = try TemporaryDirectory()
        return try readRows(try directory.write("a.npz", bytes), .init(table: table)).map(\.vector)
    }

    @Test func arrays() throws {
        let one = [("v.npy", npy([1, 2, 3, 4]))]
        #expect(try rows(zip(one)) == [[1, 2], [3, 4]])
        #expect(try rows(zip(one, comment: "PK\u{5}\u{6} and more text than an end has")) == [[1, 2], [3, 4]])
        let two = one + [("w.npy", npy([5, 6])), ("readme", [1])]
        #expect(try rows(zip(two), table: "w") == [[5, 6]])
        for (bytes, table, reason) in [
            (zip(two), nil, "there are several arrays: 'v', 'w'"),
            (zip(two), "x", "there is no array 'x' among 'v', 'w'"),
            (zip([]), nil, "there is no array"),
            (zip(one, method: 8), nil, "the array 'v' is compressed"),
            (zip(one + one), nil, "there are several arrays: 'v', 'v'"),
            (zip(one + one), "v", "there are several arrays 'v'"),
            (zip([("v.npy", [1])]), nil, "a.npz, v.npy: not a .npy file"), ([], nil, "not a .npz file"),
        ] as [([UInt8], String?, String)] {
            let error = #expect(throws: FormatError.self) { try rows(bytes, table: table) }
            #expect(error?.problem.contains(reason) == true, "\(error?.problem ?? "")")
        }
    }

    /// No row is handed out with the checksum of other bytes, whether the reads are short or long.
    @Test func checksums() throws {
        #expect(crc32("123456789".utf8) == 0xCBF4_3926)
        let values = [UInt8](repeating: 7, count: 40)
        var bytes = zip([("v.npy", npy(values))])
        #expect(try rows(bytes).count == 20)
        let place = try #require(bytes.firstRange(of: values))
        for position in [place.lowerBound, place.upperBound - 1] {
            bytes[position] = 8
            let error = #expect(throws: FormatError.self) { try rows(bytes) }
            #expect(error?.problem.contains("a.npz, v.npy: its checksum is wrong") == true, "\(error?.problem ?? "")")
            bytes[position] = 7
        }
    }

    /// Nothing of the file stands in the command that unpacks it.
    @Test func commandsHaveNoNames() throws {
        let file = zip([("$(id)'\".npy", npy([1, 2]))], method: 8)
        let error = #expect(throws: FormatError.self) { try rows(file) }
        #expect(error?.remedy.contains("$(id)") == false && error?.remedy.contains("sys.argv[2]") == true)
    }

    @Test func cutShortAnywhere() throws {
        let whole = zip([("v.npy", npy([1, 2, 3, 4]))])
        for length in 0..<whole.count {
            #expect(throws: FormatError.self, "\(length)") { try rows(Array(whole.prefix(length))) }
        }
    }

    /// No change of a byte makes the reader end the process, or read rows that aren't in the file.
    @Test func survivesEveryMutation() throws {
        let directory = try TemporaryDirectory()
        let whole = zip([("v.npy", npy([1, 2, 3, 4]))])
        try directory.forEachMutation(of: whole, in: whole.indices) { path, _, _ in
            let reader = try? RowFormat(named: "npz")?.reader(of: .file(path))
            var batch = RowBatch()
            while let count = try? reader?.read(2, into: &batch), count > 0 { #expect(count <= 2) }
        }
    }
}
