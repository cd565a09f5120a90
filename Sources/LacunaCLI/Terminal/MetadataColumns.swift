import ArgumentParser
import Lacuna
import LacunaFormats
import LacunaPlatform

/// `--columns`, for every command that prints rows.
struct ColumnOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Print these fields of the metadata, each in a column; a dot leads into an object: name,author.name.",
            valueName: "fields"
        )
    )
    var columns: String?

    func check(_ format: JSONOption) throws(CommandError) {
        if columns != nil && format.json {
            throw .usage("--columns and --json exclude each other", remedy: "leave one out: JSON has all metadata")
        }
        _ = try fields()
    }

    /// The fields; empty if the option isn't given.
    fileprivate func fields() throws(CommandError) -> [MetadataColumn] {
        guard let columns else { return [] }
        var fields: [MetadataColumn] = []
        for name in columns.split(separator: ",", omittingEmptySubsequences: false).map(String.init) {
            do { fields.append(MetadataColumn(name: name, keys: try FilterPath(key: name).keys)) } catch {
                throw .usage(
                    "--columns: '\(name)' is no field",
                    remedy: #"name fields as in name,author.name; a name with a dot goes into double quotes"#
                )
            }
        }
        return fields
    }
}

/// A field of the metadata.
private struct MetadataColumn {
    let name: String
    let keys: [String]

    /// The field's value for people; nil if the row doesn't have it.
    func text(in metadata: JSONObject) -> String? {
        var object = metadata
        for key in keys.dropLast() {
            guard let member = try? object.member(named: key), let inner = try? JSONObject(member.rawValue) else {
                return nil
            }
            object = inner
        }
        return (try? object.member(named: keys[keys.count - 1])).map(memberText)
    }
}

/// The cells in which a table shows metadata: one for each field that was asked for, or one for all of them.
final class MetadataColumns {
    private let fields: [MetadataColumn]
    /// The fields that no row had so far.
    private var missing: Set<String>
    /// The keys of the first row.
    private var keys: [String]?

    init(_ options: ColumnOptions) throws(CommandError) {
        fields = try options.fields()
        missing = Set(fields.map(\.name))
    }

    var areChosen: Bool { !fields.isEmpty }

    var columns: [Table.Column] {
        areChosen ? fields.map { Table.Column(title: singleLine($0.name)) } : [Table.Column(title: "metadata")]
    }

    func cells(_ metadata: String?) -> [String] {
        guard areChosen else { return [metadataText(metadata)] }
        guard let metadata, let object = try? JSONObject(metadata) else { return fields.map { _ in "" } }
        if keys == nil { keys = object.members.map(\.key) }
        return fields.map { field in
            guard let text = field.text(in: object) else { return "" }
            missing.remove(field.name)
            return text
        }
    }

    /// Tells which of the fields no row had: the name may be mistyped.
    func noteMissing() {
        guard let keys else { return }
        for field in fields where missing.contains(field.name) {
            let meant = Spelling.nearest(to: field.name, among: keys).map { "; did you mean `\($0)`?" } ?? ""
            StandardError.line(singleLine("note: none of these rows has the field `\(field.name)`\(meant)"))
        }
    }
}
