import Lacuna

extension ReportPage {
    var files: HTML {
        section(
            "derived",
            "Derived files",
            part(overview.derivedFiles) { files in
                if files.isEmpty { return "<p>None: searches compare the rows themselves.</p>" }
                return HTMLTable(
                    caption: "Files made from the rows; nothing is lost with them",
                    columns: [.text("File"), .text("Kind"), .number("Rows"), .number("Size"), .text("State")],
                    rows: files.map { file in
                        [
                            "<code>\(file.name)</code>", "\(file.kind)", "\(grouped(file.slots))",
                            "\(file.bytes.map(byteText) ?? "–")", "\(state(file))",
                        ]
                    }
                ).html
            }
        )
    }

    private func state(_ file: DerivedFileInfo) -> String {
        if !file.isCurrent { return "left over; the next writer removes it" }
        if file.bytes == nil || file.slots == 0 { return "not made yet" }
        return "in use"
    }

    var indexes: HTML {
        section(
            "indexes",
            "Indexes on metadata",
            part(overview.indexes) { indexes in
                if indexes.isEmpty { return "<p>None: each filter reads the metadata.</p>" }
                return HTMLTable(
                    caption: "Filters and words find rows by them",
                    columns: [.text("Name"), .text("Kind"), .text("Fields"), .number("Rows")],
                    rows: indexes.map { index in
                        [
                            "<bdi>\(index.name)</bdi>",
                            index.kind == .text ? "words" : "values",
                            index.fields.map { "<bdi>\($0)</bdi>" }.joined(separator: ", "),
                            "\(grouped(index.rows))",
                        ]
                    }
                ).html
            }
        )
    }

    var verificationSection: HTML {
        guard let verification else {
            return section(
                "verification",
                "Verification",
                "<p>Not asked for. With <code>--verify</code>, the report reads every row and all metadata.</p>"
            )
        }
        return section("verification", "Verification", verification.html)
    }

    var schema: HTML {
        section(
            "schema",
            "The index’s schema",
            part(overview.schema) { schema in
                let counts =
                    schema.all > schema.objects.count
                    ? "The first \(grouped(schema.objects.count)) of \(counted(schema.all, "object")):"
                    : "\(counted(schema.all, "object")) in <code>index.sqlite</code>:" as HTML
                let objects = schema.objects.filter { $0.sql != nil }.map { object -> HTML in
                    """
                    <details>
                    <summary>\(object.type) <bdi>\(object.name)</bdi></summary>
                    <pre>\(shortened(object.sql ?? ""))</pre>
                    </details>

                    """
                }
                return "<p>\(counts)</p>\n<div class=\"objects\">\n\(objects.joined())</div>"
            }
        )
    }

    /// SQLite allows texts of a gigabyte.
    private func shortened(_ sql: String) -> String {
        let most = 20_000
        return sql.utf8.count > most ? "\(sql.prefix(most)) …" : sql
    }
}

/// What a verification has found, without the type of the ids.
struct VerifiedRows {
    let rows: Int
    let isSound: Bool
    /// Kinds of damage, and the ids that have it.
    private let damaged: [(kind: String, ids: [String], all: Int)]
    private let messages: [String]
    private let unknownFiles: [String]

    init<ID: CommandID>(_ report: VerificationReport<ID>) {
        rows = report.rows
        isSound = report.isSound
        damaged = [
            ("The row doesn’t match its checksum", report.badChecksums),
            ("The row lies outside of the data file", report.outOfBounds),
            ("Two rows have the same slot", report.sharedOffsets),
            ("The metadata don’t match their checksum, or have no row", report.badMetadata),
        ].filter { !$0.1.isEmpty }.map { kind, ids in
            (kind, ids.prefix(ReportPage.longestList).map(\.text), ids.count)
        }
        messages = report.indexMessages
        unknownFiles = report.unknownFiles
    }

    var html: HTML {
        let verdict: HTML = isSound ? "<strong class=\"good\">Sound</strong>" : "<strong class=\"bad\">Damaged</strong>"
        let ids = damaged.map { damage -> HTML in
            let title = "\(damage.kind): \(counted(damage.all, "id"))"
            return list(title, damage.ids, more: damage.all - damage.ids.count)
        }
        return """
            <p>\(verdict): \(counted(rows, "row")) and all metadata were read.</p>
            \(ids.joined())\(list("The index", messages))\
            \(list("Files that belong to nothing, which is no damage", unknownFiles))
            """
    }

    /// Nothing if there are no items.
    private func list(_ title: String, _ items: [String], more: Int = 0) -> HTML {
        if items.isEmpty { return "" }
        let lines = items.map { item -> HTML in "<li><bdi>\(item)</bdi></li>\n" }
        let rest: HTML = more > 0 ? "<li>and \(grouped(more)) more</li>\n" : ""
        return "<h3>\(title)</h3>\n<ul>\n\(lines.joined())\(rest)</ul>\n"
    }
}
