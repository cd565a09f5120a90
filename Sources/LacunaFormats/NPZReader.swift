extension ArrayRowReader {
    /// The rows of an array of a .npz file, as `numpy.savez` stores it.
    static func npz(_ source: RowSource, _ options: RowReaderOptions) throws(FormatError) -> any RowReader {
        try ArrayRowReader(NPYReader(array(source, options.table)), source, options)
    }

    private static func array(_ source: RowSource, _ name: String?) throws(FormatError) -> InputFile {
        let directory = try ZIPDirectory(InputFile(source))
        let arrays = directory.entries.filter { $0.name.hasSuffix(ending) }
        let names = arrays.prefix(5).map { "'\(excerpt(String($0.name.dropLast(ending.count))))'" }
        let listed = names.joined(separator: ", ") + (arrays.count > 5 ? ", …" : "")
        let wanted = name.map { name in arrays.filter { $0.name.isSame(name + ending) } } ?? arrays
        guard wanted.count == 1, let entry = wanted.first else {
            let problem =
                if arrays.isEmpty { "there is no array" } else if let name {
                    wanted.isEmpty
                        ? "there is no array '\(excerpt(name))' among \(listed)"
                        : "there are several arrays '\(excerpt(name))'"
                } else { "there are several arrays: \(listed)" }
            let remedy = wanted.count > 1 && name != nil ? "save it again" : "name one that is there with --table"
            throw FormatError.invalid(source.name, problem, remedy: remedy)
        }
        guard entry.isStored else {
            let array = entry.name.dropLast(ending.count)
            throw FormatError.invalid(
                source.name,
                "the array '\(excerpt(String(array)))' is compressed",
                // Names may come from strangers, and this is pasted into a shell: so none stands in it.
                remedy: "unpack it: python3 -c 'import sys, numpy as n; n.save(sys.argv[3], n.load(sys.argv[1])"
                    + "[sys.argv[2]])' FILE ARRAY vectors.npy"
            )
        }
        return try directory.content(of: entry)
    }

    private static let ending = ".npy"
}
