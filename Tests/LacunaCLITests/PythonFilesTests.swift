import Foundation
import LacunaFormats
import TestSupport
import Testing

/// Imports of files that NumPy, pandas and Python's own modules have written.
@Suite struct PythonFilesTests {
    private static let python = Program("env", "python3")

    /// Whether Python has these modules.
    private static func has(_ modules: String) -> Bool {
        guard python.isInstalled, let run = try? python.run(["-c", "import \(modules)"]), run.status == 0 else {
            print("skipped: python3 has no \(modules)")
            return false
        }
        return true
    }

    /// Fifty rows of four components, and their ids from 100.
    private static let rows = """
        import json, sys, numpy as np
        a = np.random.default_rng(1).standard_normal((50, 4)).astype('f4')
        np.save('a.npy', a)
        """

    private func directory(_ script: String) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        let line = "import os; os.chdir('\(directory.path)')\n"
        let run = try Self.python.run(["-c", line + Self.rows + "\n" + script])
        try #require(run.status == 0, "\(run.error)")
        return directory
    }

    /// Imports a file into a new store, and compares its vectors with those of the array.
    private func expectSameVectors(_ directory: TemporaryDirectory, _ file: String, _ options: String...) throws {
        let store = directory / "store-\(file)"
        try succeed("create", store, "--dimension", "4")
        try succeed(["import", store, directory / file] + options)
        try succeed("export", store, store + ".npy")
        let (found, expected) = (try NPYReader(path: store + ".npy"), try NPYReader(path: directory / "a.npy"))
        #expect(found.rows == 50 && expected.rows == 50)
        for row in 0..<50 {
            let vectors = (try found.row(row), try expected.row(row))
            #expect(vectors.0.map(\.bitPattern) == vectors.1.map(\.bitPattern), "\(file), row \(row)")
        }
    }

    @Test(.enabled(if: has("numpy"))) func numpyFiles() throws {
        let directory = try directory(
            """
            np.savez('one.npz', vectors=a)
            np.savez('two.npz', x=a, y=a[:3])
            np.savez_compressed('packed.npz', vectors=a)
            np.savetxt('plain.csv', a, delimiter=',')
            np.savetxt('named.csv', a, delimiter=', ', header='d0, d1, d2, d3'.replace(' ', ''), comments='')
            np.savetxt('plain.tsv', a, delimiter='\\t')
            np.save('f.npy', np.asfortranarray(a))
            b = a.copy(); b[33, 2] = np.nan
            np.save('nan.npy', b)
            np.savetxt('nan.csv', b, delimiter=',')
            rows = [{'id': i, 'vector': v.tolist(), 't': 'a"\\n'} for i, v in enumerate(a)]
            json.dump(rows, open('a.json', 'w'), indent=1)
            json.dump(rows[:9] + [dict(rows[9], vector=[1, float('nan'), 2, 3])], open('nan.json', 'w'))
            data = [{'object': 'embedding', 'index': i, 'embedding': v.tolist()} for i, v in enumerate(a)]
            json.dump({'object': 'list', 'data': data, 'model': 'm', 'usage': {}}, open('answer.json', 'w'))
            """
        )
        try expectSameVectors(directory, "one.npz")
        try expectSameVectors(directory, "two.npz", "--table", "x")
        for file in ["plain.csv", "named.csv", "plain.tsv", "a.json", "answer.json"] {
            try expectSameVectors(directory, file)
        }
        let store = directory / "s"
        try succeed("create", store, "--dimension", "4")
        for (file, reason) in [
            ("packed.npz", "the array 'vectors' is compressed; unpack it: python3 -c "), ("f.npy", "Fortran"),
            ("nan.npy", "nan.npy, row 33: component 2 of the vector of id 34 is not a finite number"),
            ("nan.csv", "nan.csv, line 34: column "), ("nan.json", "nan.json, line 1, row 9: not valid JSON at byte "),
        ] {
            try fail(65, "import", store, directory / file, "--batch", "20", "--skip-existing", saying: reason)
        }
        #expect(try Fixture.rowCount(store) == 20)
    }

    @Test(.enabled(if: has("numpy, pandas"))) func pandasFiles() throws {
        let directory = try directory(
            """
            import pandas as pd
            d = pd.DataFrame(a, columns=[f'c{i}' for i in range(4)])
            d['id'] = range(100, 150)
            d['text'] = ['He said "hi",\\nthen left, \\u00e9'] * 50
            d['n'] = [1.5, None] * 25
            d.to_csv('d.csv', index=False)
            d.to_csv('windows.csv', index=False, lineterminator='\\r\\n', encoding='utf-8-sig')
            d.to_csv('d.tsv', index=False, sep='\\t')
            d.to_json('d.jsonl', orient='records', lines=True, double_precision=15)
            v = pd.DataFrame({'id': range(100, 150), 'embedding': [json.dumps(x.tolist()) for x in a]})
            v.to_csv('v.csv', index=False)
            v = pd.DataFrame({'id': range(100, 150), 'embedding': a.tolist()})
            v.to_json('v.json', orient='records', double_precision=15)
            """
        )
        for file in ["d.csv", "windows.csv", "d.tsv", "v.csv", "v.json"] { try expectSameVectors(directory, file) }
        let lines = try succeed("get", directory / "store-windows.csv", "100", "101", "--json").lines
        #expect(lines[0].hasSuffix(#""metadata":{"text": "He said \"hi\",\nthen left, é", "n": 1.5}}"#))
        #expect(lines[1].hasSuffix(#""metadata":{"text": "He said \"hi\",\nthen left, é"}}"#))
        let store = directory / "s"
        try succeed("create", store, "--dimension", "4")
        try fail(65, "import", store, directory / "d.jsonl", saying: "line 1: the row has no \"vector\", but \"c0\", ")
    }
}
