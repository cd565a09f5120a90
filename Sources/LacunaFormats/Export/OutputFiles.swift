import LacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The files of one export, and the description beside them.
///
/// They get their names together, once all are complete and on stable storage. An export replaces only the files of an
/// earlier export of the same store to the same name, which it knows by its description. If anything else is in the way,
/// nothing is written.
///
/// | crash after | left behind |
/// |---|---|
/// | any byte of the files | what was there before, and `NAME.partial`, which the next export uses again |
/// | the description without `rows` | the same; an import refuses it, and the next export replaces it |
/// | some of the files | new and old files, with that description |
/// | all files | the same |
/// | the description with `rows` | the new export |
package final class OutputFiles {
    /// The files that ``publish(rows:)`` gives their names, the description last.
    package let paths: [String]
    let files: [AtomicFile]
    private let file: String
    private var description: ExportDescription
    /// Whether an earlier export is there, to be replaced.
    private let isReplacing: Bool

    /// - Parameters:
    ///   - file: The path of the export's first file.
    ///   - others: The paths of its other files, which lie beside the first.
    ///   - description: The description, without the files and the rows.
    /// - Throws: `.io(errno: EEXIST)` if another file is in the way.
    package init(_ file: String, _ others: [String], _ description: ExportDescription) throws(FormatError) {
        self.file = file
        self.description = description
        self.description.files = ([file] + others).map(Self.name)
        let descriptionPath = ExportDescription.path(beside: file)
        paths = [file] + others + [descriptionPath]
        let earlier: ExportDescription?
        do { earlier = try ExportDescription.read(beside: file) } catch { throw Self.inTheWay(descriptionPath) }
        if let earlier, earlier.store != description.store || earlier.files != self.description.files {
            throw Self.inTheWay(file, "belongs to another export")
        }
        isReplacing = earlier != nil
        if earlier == nil, let path = ([file] + others).first(where: Self.isThere) { throw Self.inTheWay(path) }
        var files: [AtomicFile] = []
        for path in [file] + others { files.append(try AtomicFile(path)) }
        self.files = files
    }

    /// Completes the files, and gives them their names.
    ///
    /// - Returns: The bytes of all files.
    package func publish(rows: Int) throws(FormatError) -> Int {
        for file in files { try file.completeIfOpen() }
        var bytes = 0
        _ = try describe(isReplacing ? .replacing : .new)
        for file in files {
            try file.publish(isReplacing ? .replacing : .new)
            bytes += file.length
        }
        description.rows = rows
        return bytes + (try describe(.replacing))
    }

    private func describe(_ publishing: AtomicFile.Publishing) throws(FormatError) -> Int {
        let output = try AtomicFile(ExportDescription.path(beside: file))
        try output.append(description.json())
        try output.complete()
        try output.publish(publishing)
        return output.length
    }

    /// Whether anything has this name, be it a link that leads nowhere.
    static func isThere(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    private static func name(_ path: String) -> String {
        path.utf8.lastIndex(of: UInt8(ascii: "/")).map { String(path[path.utf8.index(after: $0)...]) } ?? path
    }

    private static func inTheWay(_ path: String, _ why: String = "is there already") -> FormatError {
        FormatError(
            .io(errno: EEXIST),
            "\(path) \(why), and an export replaces only files of an earlier one of the same store to the same name",
            remedy: "choose another name, or move it away"
        )
    }
}
