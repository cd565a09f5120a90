import TestSupport
import Testing

@testable import LacunaFormats

@Suite struct NPYReaderTests {
    /// 1, -2, 0.5, 3 | 0, -0, 65504, 2^-24, by hand.
    static let singles: [UInt8] = [
        0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0, 0, 0, 0, 0x3F, 0, 0, 0x40, 0x40,
        0, 0, 0, 0, 0, 0, 0, 0x80, 0, 0xE0, 0x7F, 0x47, 0, 0, 0x80, 0x33,
    ]
    static let halves: [UInt8] = [
        0, 0x3C, 0, 0xC0, 0, 0x38, 0, 0x42, 0, 0, 0, 0x80, 0xFF, 0x7B, 1, 0,
    ]
    static let doubles: [UInt8] = [
        0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0, 0xC0,
        0, 0, 0, 0, 0, 0, 0xE0, 0x3F, 0, 0, 0, 0, 0, 0, 0x08, 0x40,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80,
        0, 0, 0, 0, 0, 0xFC, 0xEF, 0x40, 0, 0, 0, 0, 0, 0, 0x70, 0x3E,
    ]
    static let values: [Float] = [1, -2, 0.5, 3, 0, -0.0, 65504, 0x1p-24]

    @Test(arguments: [
        ("<f4", UInt8(1), singles), ("=f4", 1, singles), ("<f4", 2, singles), ("<f4", 3, singles),
        ("<f2", 1, halves), ("<f8", 1, doubles), ("<f8", 3, doubles),
    ])
    func readsEveryTypeAndVersion(type: String, version: UInt8, data: [UInt8]) throws {
        let directory = try TemporaryDirectory()
        let bytes = npyBytes(version: version, header: npyHeader(type: type, shape: "(4, 2)"), data: data)
        let reader = try NPYReader(path: try directory.write("a.npy", bytes))
        #expect(reader.rows == 4)
        #expect(reader.dimension == 2)
        var buffer: [Float] = []
        #expect(try reader.next(3, into: &buffer) == 3)
        #expect(buffer.map(\.bitPattern) == Self.values[..<6].map(\.bitPattern))
        #expect(try reader.row(0) == [1, -2])
        #expect(try reader.next(3, into: &buffer) == 1)
        #expect(buffer.map(\.bitPattern) == Self.values[6...].map(\.bitPattern))
        #expect(try reader.next(3, into: &buffer) == 0)
        #expect(buffer.isEmpty)
        #expect(try reader.row(3) == [65504, 0x1p-24])
        for index in [-1, 4, Int.max, Int.min] {
            #expect(refusal { () throws(FormatError) in _ = try reader.row(index) }?.kind == .invalid)
        }
    }

    @Test(arguments: ["|i1", "<i1", "=i1"])
    func readsIntegers(type: String) throws {
        let directory = try TemporaryDirectory()
        let header = npyHeader(type: type, shape: "(2, 3)")
        let bytes = npyBytes(header: header, data: [0, 1, 0xFF, 0x80, 0x7F, 0xFE])
        let reader = try NPYReader(path: try directory.write("a.npy", bytes))
        var buffer: [Float] = []
        #expect(try reader.next(9, into: &buffer) == 2)
        #expect(buffer == [0, 1, -1, -128, 127, -2])
        #expect(try reader.row(1) == [-128, 127, -2])
    }

    @Test(arguments: [
        ("(8,)", 1, 8), ("(8, 1)", 8, 1), ("(1,8)", 1, 8), ("( 2 , 4 , )", 2, 4),
    ])
    func readsShapes(shape: String, rows: Int, dimension: Int) throws {
        let directory = try TemporaryDirectory()
        let bytes = npyBytes(header: npyHeader(shape: shape), data: Self.singles)
        let reader = try NPYReader(path: try directory.write("a.npy", bytes))
        #expect(reader.rows == rows)
        #expect(reader.dimension == dimension)
    }

    @Test func readsAnEmptyArrayAndAnyKeyOrder() throws {
        let directory = try TemporaryDirectory()
        let header = "{\"shape\":(0, 3), 'fortran_order':False,\n\t'descr':'<f4'}"
        let reader = try NPYReader(path: try directory.write("a.npy", npyBytes(header: header, data: [])))
        #expect(reader.rows == 0)
        #expect(reader.dimension == 3)
        var buffer: [Float] = [1]
        #expect(try reader.next(10, into: &buffer) == 0)
    }

    @Test(arguments: [
        (npyHeader(type: ">f4", shape: "(4, 2)"), "big-endian"),
        (npyHeader(type: "|f4", shape: "(4, 2)"), "dtype '|f4'"),
        (npyHeader(type: "f4", shape: "(4, 2)"), "dtype 'f4'"),
        (npyHeader(type: "<i4", shape: "(4, 2)"), "dtype '<i4'"),
        (npyHeader(type: "|u1", shape: "(16, 2)"), "dtype '|u1'"),
        (npyHeader(type: "|f2", shape: "(8, 2)"), "dtype '|f2'"),
        (npyHeader(type: "", shape: "(4, 2)"), "dtype ''"),
        (npyHeader(order: "True", shape: "(4, 2)"), "Fortran"),
        (npyHeader(order: "0", shape: "(4, 2)"), "neither True nor False"),
        (npyHeader(shape: "(5, 2)"), "truncated: the shape (5, 2) of 'f4' takes 40 bytes, and 32 follow"),
        (npyHeader(shape: "(3, 2)"), "trailing bytes"),
        (npyHeader(shape: "()"), "0 axes"),
        (npyHeader(shape: "(2, 2, 2)"), "3 axes"),
        (npyHeader(shape: "(8)"), "not a tuple"),
        (npyHeader(shape: "(-4, -2)"), "negative"),
        (npyHeader(shape: "(4, 2.0)"), "')' is missing"),
        (npyHeader(shape: "(8, 0)"), "the dimension is 0"),
        (npyHeader(shape: "(0,)"), "the dimension is 0"),
        (npyHeader(shape: "(0, 65537)"), "the dimension is 65537"),
        (npyHeader(shape: "(9223372036854775807, 2)"), "larger than any file"),
        (npyHeader(shape: "(4611686018427387904, 2)"), "larger than any file"),
        (npyHeader(shape: "(99999999999999999999, 2)"), "larger than any file"),
        ("{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (8,), }", "structured"),
        ("{'descr': '<f4', 'fortran_order': False, }", "missing"),
        ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (8,), }", "occurs twice"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (8,), 'x': 1}", "unknown"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (8,), } x", "text follows"),
        ("{'descr': '<f4", "does not end"),
        ("", "'{' is missing"),
    ])
    func refusesHeaders(header: String, reason: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.npy", npyBytes(header: header, data: Self.singles))
        let error = refusal { () throws(FormatError) in _ = try NPYReader(path: path) }
        #expect(error?.kind == .invalid)
        #expect(error?.problem.contains(reason) == true, "\(error?.problem ?? "accepted")")
        #expect(error?.problem.hasPrefix(path) == true)
        #expect(error?.problem.contains("\n") == false)
    }

    @Test(
        arguments: [
            ([], "not a .npy file"),
            (Array("PK\u{3}\u{4}aaaaaaaaaaaa".utf8), "not a .npy file"),
            ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 4, 0, 2, 0, 0, 0], "version 4.0"),
            ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 1, 2, 0, 0, 0], "version 1.1"),
            ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0, 0xFF, 0xFF, 0x7B], "ends within"),
            ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 2, 0, 0xFF, 0xFF], "ends within"),
            ([0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 2, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x7B], "claims 4294967295 bytes"),
        ] as [([UInt8], String)]
    )
    func refusesPrefixes(bytes: [UInt8], reason: String) throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.npy", bytes)
        let error = refusal { () throws(FormatError) in _ = try NPYReader(path: path) }
        #expect(error?.problem.contains(reason) == true, "\(error?.problem ?? "accepted")")
    }

    @Test func namesTheDoubleThatOverflows() throws {
        let directory = try TemporaryDirectory()
        // 1e39 is 0x48078287F49C4A1D; NaN and infinity pass.
        let data: [UInt8] = [
            0, 0, 0, 0, 0, 0, 0xF0, 0x7F, 0, 0, 0, 0, 0, 0, 0xF8, 0x7F,
            0, 0, 0, 0, 0, 0, 0, 0, 0x1D, 0x4A, 0x9C, 0xF4, 0x87, 0x82, 0x07, 0x48,
        ]
        let bytes = npyBytes(header: npyHeader(type: "<f8", shape: "(2, 2)"), data: data)
        let reader = try NPYReader(path: try directory.write("a.npy", bytes))
        var buffer: [Float] = []
        #expect(try reader.next(1, into: &buffer) == 1)
        #expect(buffer[0] == .infinity)
        #expect(buffer[1].isNaN)
        let error = refusal { () throws(FormatError) in _ = try reader.next(1, into: &buffer) }
        #expect(error?.problem.contains("row 1, component 1: 1e+39") == true)
    }

    @Test func refusesWhatIsNoRegularFile() throws {
        let directory = try TemporaryDirectory()
        let missing = refusal { () throws(FormatError) in _ = try NPYReader(path: directory / "none.npy") }
        #expect(missing?.kind == .unreadable(errno: 2))
        let folder = refusal { () throws(FormatError) in _ = try NPYReader(path: directory.path) }
        #expect(folder?.kind == .unreadable(errno: 21))
        let device = refusal { () throws(FormatError) in _ = try NPYReader(path: "/dev/null") }
        #expect(device?.kind == .unreadable(errno: 29))
    }

    @Test func survivesEveryTruncationAndMutation() throws {
        let directory = try TemporaryDirectory()
        let valid = npyBytes(header: npyHeader(shape: "(4, 2)"), data: Self.singles)
        var accepted = 0
        func read(_ path: String) {
            let error = refusal { () throws(FormatError) in
                let reader = try NPYReader(path: path)
                var buffer: [Float] = []
                while try reader.next(1, into: &buffer) > 0 {}
                accepted += 1
            }
            #expect(error == nil || error?.kind == .invalid)
        }
        for length in valid.indices { read(try directory.write("a.npy", Array(valid[..<length]))) }
        #expect(accepted == 0)
        let headerEnd = valid.count - Self.singles.count
        try directory.forEachMutation(of: valid, in: 0..<headerEnd) { path, _, _ in read(path) }
        // Blanks, quotes and "=" for "<" change nothing that matters; anything else must have been refused.
        #expect(accepted < 100)
    }
}
