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
        let wanted = name.map { name in arrays.filter { $0.name == name + ending } } ?? arrays
        guard wanted.count == 1, let entry = wanted.first else {
            let problem =
                if arrays.isEmpty { "there is no array" } else if let name {
                    "there is no array '\(excerpt(name))' among \(listed)"
                } else { "there are several arrays: \(listed)" }
            throw FormatError.invalid(source.name, problem, remedy: "name one that is there with --table")
        }
        guard entry.isStored else {
            let array = entry.name.dropLast(ending.count)
            throw FormatError.invalid(
                source.name,
                "the array '\(excerpt(String(array)))' is compressed",
                remedy: "unpack it: python3 -c \"import numpy as n; n.save('vectors.npy', n.load('\(source.name)')"
                    + "['\(array)'])\""
            )
        }
        return try directory.content(of: entry)
    }

    private static let ending = ".npy"
}
