import TestSupport
import Testing

@testable import LacunaFormats

@Suite struct LineReaderTests {
    private func lines(_ bytes: [UInt8]) throws -> [String] {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.txt", bytes)
        let reader = try LineReader(path: path)
        var lines: [String] = []
        while let line = try reader.next() {
            lines.append(line)
            #expect(reader.lineNumber == lines.count)
        }
        #expect(try reader.next() == nil)
        #expect(try LineReader.countLines(path: path) == lines.count)
        return lines
    }

    @Test(
        arguments: [
            ("", []), ("\n", []), ("\n \n\t\r\n", []), ("a", ["a"]), ("a\n", ["a"]), ("a\r\nb", ["a", "b"]),
            ("a\n\n\r\n  ", ["a"]), ("\u{FEFF}a\nb\n", ["a", "b"]), ("a\rb\n", ["a\rb"]), (" a \n", [" a "]),
            ("é\n日本\r\n", ["é", "日本"]), ("a\u{0}b\n", ["a\u{0}b"]),
        ] as [(String, [String])]
    )
    func splits(text: String, expected: [String]) throws {
        #expect(try lines(Array(text.utf8)).map { Array($0.utf8) } == expected.map { Array($0.utf8) })
    }

    @Test(arguments: [
        (Array("a\n\nb\n".utf8), "line 2: a blank line"), (Array("\na".utf8), "line 1: a blank line"),
        (Array("a\n \t\n\nb".utf8), "line 2: a blank line"), ([0x61, 0x0A, 0xFF, 0x0A], "line 2: not valid UTF-8"),
        ([0xC3], "line 1: not valid UTF-8"), ([0xED, 0xA0, 0x80, 0x0A], "line 1: not valid UTF-8"),
    ])
    func refuses(bytes: [UInt8], reason: String) throws {
        #expect {
            try lines(bytes)
        } throws: { error in
            (error as? FormatError)?.problem.contains("a.txt, \(reason)") == true
        }
    }

    /// Lines of every length about the 1 MiB that is read at a time, the CR and the LF on either side of its end.
    @Test(arguments: -3...3)
    func splitsAcrossChunks(shift: Int) throws {
        let long = String(repeating: "x", count: (1 << 20) + shift)
        #expect(try lines(Array("\(long)\r\nb\r\n\(long)\(long)\n".utf8)) == [long, "b", long + long])
    }

    @Test func refusesALineOver64MiB() throws {
        let limit = 64 << 20
        #expect(try lines([UInt8](repeating: 0x61, count: limit) + [0x0A]).count == 1)
        #expect {
            try lines([0x62, 0x0A] + [UInt8](repeating: 0x61, count: limit + 1))
        } throws: { error in
            (error as? FormatError)?.problem.contains("line 2: the line is over 64 MiB") == true
        }
    }

    @Test func placesJSONErrors() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write("a.jsonl", Array("{\"a\": 1}\r\n{\"a\": nan}\n".utf8))
        let reader = try JSONLinesReader(path: path)
        #expect(try reader.next()?.text == "{\"a\": 1}")
        let error = refusal { () throws(FormatError) in _ = try reader.next() }
        #expect(error?.problem.hasPrefix("\(path), line 2: not valid JSON at byte 7") == true)
    }

    @Test func survivesEveryTruncationAndMutationOfALine() throws {
        let directory = try TemporaryDirectory()
        let valid = Array("{\"id\": -7, \"vector\": [1.5e-3, 0], \"m\": {\"\\u00e9é\": [true, null]}}\n".utf8)
        func reads(_ path: String) -> Bool {
            let error = refusal { () throws(FormatError) in
                let reader = try JSONLinesReader(path: path)
                while let object = try reader.next() {
                    if let id = try object.member(named: "id") { _ = try JSONScalar(parsing: id.rawValue) }
                    if let vector = try object.member(named: "vector") {
                        _ = try floats(fromJSONArray: vector.rawValue)
                    }
                    _ = try object.removing("id")
                }
            }
            #expect(error == nil || error?.kind == .invalid)
            return error == nil
        }
        #expect(reads(try directory.write("a.jsonl", valid)))
        for length in 1..<(valid.count - 1) {
            #expect(!reads(try directory.write("a.jsonl", Array(valid[..<length]))))
        }
        try directory.forEachMutation(of: valid, in: valid.indices) { path, _, _ in _ = reads(path) }
    }
}
