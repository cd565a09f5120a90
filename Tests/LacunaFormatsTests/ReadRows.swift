import TestSupport

@testable import LacunaFormats

/// A row that a reader has read.
struct ReadRow: Equatable {
    var id: RowID?
    var vector: [Float]
    var metadata: String?

    init(_ id: RowID?, _ vector: [Float], _ metadata: String? = nil) {
        (self.id, self.vector, self.metadata) = (id, vector, metadata)
    }
}

/// Reads all rows of a file, at most `rows` at a time.
func readRows(
    _ path: String,
    _ options: RowReaderOptions = RowReaderOptions(),
    rows: Int = 3
) throws(FormatError) -> [ReadRow] {
    guard let format = RowFormat(path: path) else { return [] }
    let reader = try format.reader(of: .file(path), options: options)
    var batch = RowBatch()
    var all: [ReadRow] = []
    while try reader.read(rows, into: &batch) > 0 {
        for row in 0..<batch.count {
            all.append(ReadRow(batch.ids.isEmpty ? nil : batch.ids[row], batch.vector(row), batch.metadata[row]))
        }
    }
    return all
}

extension RowReaderOptions {
    init(dimension: Int? = nil, vector: String? = nil, id: String? = nil, metadata: String? = nil, table: String? = nil)
    {
        self.init()
        self.dimension = dimension
        vectorField = vector
        idField = id
        metadataField = metadata
        self.table = table
    }
}
