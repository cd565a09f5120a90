import ArgumentParser
import LacunaFormats

/// The options that say what is in a file of rows.
struct RowFileOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The file's format: \(RowFormat.all.map(\.name).joined(separator: ", ")). By default its ending tells.",
            valueName: "format"
        )
    )
    var format: String?

    @Option(
        help: ArgumentHelp("The metadata: a .jsonl file with one object for each row.", valueName: "file"),
        completion: .file()
    )
    var metadata: String?

    @Option(
        help: ArgumentHelp("The field that has the vector; `vector` or `embedding` by default.", valueName: "field")
    )
    var vectorField: String?

    @Option(help: ArgumentHelp("The field that has the id; `id` by default.", valueName: "field"))
    var idField: String?

    @Option(
        help: ArgumentHelp(
            "The field that has the metadata; by default `metadata`, or all other fields if there is none.",
            valueName: "field"
        )
    )
    var metadataField: String?

    @Option(help: ArgumentHelp("The table or the array that has the rows, if there are several.", valueName: "name"))
    var table: String?

    /// The options for the reader of a file.
    ///
    /// - Parameter dimension: The number of components that the vectors must have.
    func readerOptions(dimension: Int) -> RowReaderOptions {
        var options = RowReaderOptions()
        options.dimension = dimension
        options.metadataFile = metadata
        options.vectorField = vectorField
        options.idField = idField
        options.metadataField = metadataField
        options.table = table
        return options
    }

    /// The format of a file, or of standard input, `-`.
    func rowFormat(of file: String) throws(CommandError) -> RowFormat {
        let names = RowFormat.all.map(\.name).joined(separator: ", ")
        if let format {
            guard let known = RowFormat(named: format) else {
                throw .usage("--format '\(format)' is no known format", remedy: "give one of \(names)")
            }
            return known
        }
        if file == "-" {
            throw .usage("the format of standard input isn't given", remedy: "add --format with one of \(names)")
        }
        if file.lowercased().hasSuffix(".gz") {
            throw .usage(
                "'\(file)' is compressed",
                remedy: "unpack it on the way: gunzip -c FILE | lacuna import STORE - --format FORMAT"
            )
        }
        guard let known = RowFormat(path: file) else {
            throw .usage("'\(file)' is of no known format", remedy: "add --format with one of \(names)")
        }
        return known
    }
}
