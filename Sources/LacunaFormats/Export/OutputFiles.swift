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
/// | any byte of the files | what was there before, and `NAME.lacuna-partial`, which the next export removes |
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
    /// The number of the first files that an earlier export has made, to be replaced; nil if there was none.
    private let earlierFiles: Int?

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
        if let earlier, earlier.store != description.store || !self.description.files.starts(with: earlier.files) {
            throw Self.inTheWay(file, "belongs to another export")
        }
        earlierFiles = earlier?.files.count
        if others.contains(file) {
            throw FormatError(
                .io(errno: EEXIST),
                "\(file) would be both the file of vectors and that of metadata",
                remedy: "choose a name with another ending"
            )
        }
        let new = ([file] + others).dropFirst(earlierFiles ?? 0)
        if let path = new.first(where: Self.isThere) { throw Self.inTheWay(path) }
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
        _ = try describe(earlierFiles == nil ? .new : .replacing)
        for (number, file) in files.enumerated() {
            let isNew = number >= earlierFiles ?? 0
            do { try file.publish(isNew ? .new : .replacing) } catch {
                if isNew { try? disown(from: number) }
                throw error
            }
            bytes += file.length
        }
        description.rows = rows
        return bytes + (try describe(.replacing))
    }

    /// Another file has come in the way since the export began. The description no longer names it, so that the next
    /// export doesn't take it for one of its own.
    private func disown(from number: Int) throws(FormatError) {
        description.files.removeSubrange(number...)
        if number > 0 {
            _ = try describe(.replacing)
        } else {
            unsafe unlink(ExportDescription.path(beside: file))
        }
    }

    private func describe(_ publishing: AtomicFile.Publishing) throws(FormatError) -> Int {
        let output = try AtomicFile(ExportDescription.path(beside: file))
        try output.append(description.json())
        try output.complete()
        try output.publish(publishing)
        return output.length
    }

    /// Whether anything has this name, be it a link that leads nowhere.
    package static func isThere(_ path: String) -> Bool {
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
