import Lacuna
import LacunaFormats
import TestSupport

/// A file of rows: it must have the same rows, or the same error, whatever number of bytes is read at a time, and
/// whatever number of rows. Components are finite, and metadata are JSON objects.
protocol RowsTarget: Target {
    /// The ending of the file's name.
    static var ending: String { get }
}

extension RowsTarget {
    func run(_ input: [UInt8]) throws {
        let path = Scratch.file("in.\(Self.ending)")
        try Scratch.write(input, to: path)
        let whole = try BufferedInput.$chunkBytes.withValue(1 << 20) { try rows(path, atATime: 1_000) }
        for bytes in [1, 7, 64] {
            let pieces = try BufferedInput.$chunkBytes.withValue(bytes) { try rows(path, atATime: 2) }
            // The rows before an error may have been read, or not.
            let isSame = pieces.error == nil ? pieces.rows == whole.rows : true
            try expect(isSame && pieces.error == whole.error, "\(bytes) bytes at a time: \(pieces), and not \(whole)")
        }
    }

    private func rows(_ path: String, atATime count: Int) throws -> (rows: [String], error: String?) {
        guard let format = RowFormat(path: path) else { throw Finding(description: "no format") }
        var rows: [String] = []
        do {
            let reader = try format.reader(of: .file(path))
            var batch = RowBatch()
            while try reader.read(count, into: &batch) > 0 {
                for row in 0..<batch.count { rows.append(try text(batch, row)) }
            }
        } catch let error as FormatError { return (rows, error.problem) }
        return (rows, nil)
    }

    private func text(_ batch: RowBatch, _ row: Int) throws -> String {
        let vector = batch.vector(row)
        try expect(!vector.isEmpty && vector.allSatisfy(\.isFinite), "row \(row) is \(vector)")
        try expect(batch.ids.isEmpty || batch.ids.count == batch.count, "\(batch.ids.count) ids")
        let metadata = batch.metadata[row]
        if let metadata {
            do { _ = try JSONObject(metadata) } catch { throw Finding(description: "\(metadata): \(error)") }
        }
        let id = batch.ids.isEmpty ? "none" : "\(batch.ids[row])"
        return "\(id) \(vector.bitPatterns) \(metadata ?? "none") \(batch.location(of: row))"
    }
}

struct CSVTarget: RowsTarget {
    static let ending = "csv"

    static func seeds() -> [[UInt8]] {
        [
            "id,c0,text,c1\n7,0.5,a,-1\nx,2,,+3.0e1\n",
            "\"text\",\"v1\",\"v2\",ID\r\n\"say \"\"hi\"\",\nthen\",\"1\", 2 ,\"007\"\r\n\r\n",
            "id,embedding,metadata\n1,\"[0.5, -1]\",\"{\"\"a\"\": [1]}\"\n2,\"[ 1,2 ]\",\n", "1.5,2\n3,4",
        ].map { Array($0.utf8) } + [[0xEF, 0xBB, 0xBF] + Array("0,1\n.5,1.\n".utf8)]
    }
}

struct JSONTarget: RowsTarget {
    static let ending = "json"

    static func seeds() -> [[UInt8]] {
        [
            #"[{"id":1,"vector":[1,-2.5e-3],"a":"\u00e9"}, {"id":2,"vector":[3,4],"metadata":{"b":[true,null]}}]"#,
            #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,1]}],"model":"m"}"#,
            "[[1,2],[3,4]]", "[]\n", "{\"data\": [ {\"embedding\" : [1e2,-0] ,\"x\":{\"y\":\"]\"}} ] } ",
        ].map { Array($0.utf8) }
    }
}

struct JSONRowsTarget: RowsTarget {
    static let ending = "jsonl"

    static func seeds() -> [[UInt8]] {
        [
            #"{"id":1,"vector":[1,-2.5e-3],"a":"\u00e9"}"# + "\r\n" + #"{"id":"x","vector":[3,4]}"#,
            "{\"embedding\":[0.5],\"metadata\":{}}\n{\"embedding\":[1]}\n",
        ].map { Array($0.utf8) }
    }
}

struct NPZTarget: RowsTarget {
    static let ending = "npz"

    /// An archive with one stored array of two rows.
    static func seeds() -> [[UInt8]] {
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }"
        let padded = Array(header.utf8) + [UInt8](repeating: 0x20, count: 117 - header.utf8.count) + [0x0A]
        let array: [UInt8] = [0x93] + Array("NUMPY".utf8) + [1, 0, 118, 0] + padded + [UInt8](repeating: 63, count: 16)
        func bytes(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> ($0 * 8) & 255) } }
        let name = Array("v.npy".utf8)
        let length = bytes(array.count, 4)
        let sizes = bytes(Int(crc32(array)), 4) + length + length + bytes(name.count, 2) + bytes(0, 2)
        let local = Array("PK\u{3}\u{4}".utf8) + bytes(20, 2) + bytes(0, 8) + sizes + name + array
        let entry = Array("PK\u{1}\u{2}".utf8) + bytes(20, 2) + bytes(20, 2) + bytes(0, 8) + sizes + bytes(0, 14) + name
        let end = Array("PK\u{5}\u{6}".utf8) + bytes(0, 4) + bytes(1, 2) + bytes(1, 2) + bytes(entry.count, 4)
        return [local + entry + end + bytes(local.count, 4) + bytes(0, 2)]
    }
}

/// A database, as another program has made it, or an attacker.
struct SQLiteTarget: RowsTarget {
    static let ending = "sqlite"

    /// The corpus has a table of sqlite-vec's too, which only the shell makes without the extension.
    static func seeds() throws -> [[UInt8]] {
        let path = Scratch.file("seed.sqlite")
        let connection = try Connection(path, .create)
        try connection.execute(
            """
            PRAGMA page_size = 512;
            CREATE TABLE t (id, vector, text);
            INSERT INTO t VALUES (1, '[1,2]', 'é'), (2, x'0000803f00000040', NULL);
            """
        )
        return [try Scratch.read(path)]
    }
}
