/// Writes a script for psql that makes a table with the rows, or that brings one up to date.
///
/// The script is one transaction, or ends with one: if it is cut short, or fails, the table is as it was. Rows that are
/// already right aren't written again.
package final class PostgresScript: ExportWriter {
    package enum Action: Sendable {
        /// Makes a new table.
        case create
        /// Makes the table if there is none; else merges by id, and deletes rows that the export doesn't have.
        case sync
    }

    private let output: any TextOutput
    private let table: PostgresTable
    private let action: Action

    package init(_ output: any TextOutput, _ table: PostgresTable, _ action: Action) throws {
        self.output = output
        self.table = table
        self.action = action
        let isNew = action == .create
        let name = isNew ? table.quotedName : table.quotedStagingName
        try output.append(
            """
            \\set ON_ERROR_STOP on
            SET client_encoding = 'UTF8';
            SET standard_conforming_strings = on;
            SET client_min_messages = warning;
            \(isNew ? "BEGIN;\n" : "")CREATE EXTENSION IF NOT EXISTS vector;
            CREATE \(isNew ? "" : "TEMPORARY ")TABLE \(name) \(table.columns(withKey: isNew));
            COPY \(name) (id, vector, metadata) FROM STDIN;

            """
        )
    }

    package func append(_ row: WrittenRow) throws {
        let id =
            switch row.id {
            case .integer(let integer): String(integer)
            case .string(let string): Self.escaped(string)
            }
        let metadata = row.metadata.map(Self.escaped) ?? "\\N"
        try output.append("\(id)\t\(try jsonArray(of: row.vector))\t\(metadata)\n")
    }

    package func end() throws {
        try output.append("\\.\n")
        switch action {
        case .create:
            try output.append(
                """
                COMMENT ON TABLE \(table.quotedName) IS \(table.comment);
                \(table.createIndexes())COMMIT;
                ANALYZE \(table.quotedName);

                """
            )
        case .sync: try output.append(merge)
        }
    }

    /// Two merges at a time would wait for one another; readers wait for none.
    private var merge: String {
        let (name, staging) = (table.quotedName, table.quotedStagingName)
        let send = table.columnIsHalf ? "halfvec_send" : "vector_send"
        return """
            ANALYZE \(staging);
            BEGIN;
            DO \(PostgresTable.literal(makeOrCheckTable));
            LOCK TABLE \(name) IN SHARE ROW EXCLUSIVE MODE;
            DELETE FROM \(name) AS old
                WHERE NOT EXISTS (SELECT FROM \(staging) AS new WHERE new.id = old.id);
            INSERT INTO \(name) AS old (id, vector, metadata) SELECT id, vector, metadata FROM \(staging)
                ON CONFLICT (id) DO UPDATE SET vector = excluded.vector, metadata = excluded.metadata
                WHERE \(send)(old.vector) <> \(send)(excluded.vector)
                    OR old.metadata::text IS DISTINCT FROM excluded.metadata::text;
            \(table.createIndexes("IF NOT EXISTS"))COMMIT;
            DROP TABLE \(staging);
            ANALYZE \(name);

            """
    }

    /// The body of a block in PL/pgSQL.
    private var makeOrCheckTable: String {
        let name = PostgresTable.literal(table.quotedName)
        let refusal = PostgresTable.literal(
            "the table \(table.quotedName) isn't of this store, and nothing was changed"
        )
        let hint = PostgresTable.literal(
            "choose another --table; or, if its rows may go, COMMENT ON TABLE \(table.quotedName) IS \(table.comment)"
        )
        return """

            BEGIN
                IF to_regclass(\(name)) IS NULL THEN
                    CREATE TABLE \(table.quotedName) \(table.columns(withKey: true));
                    COMMENT ON TABLE \(table.quotedName) IS \(table.comment);
                ELSIF obj_description(to_regclass(\(name)), 'pg_class') IS DISTINCT FROM \(table.comment) THEN
                    RAISE EXCEPTION USING MESSAGE = \(refusal), HINT = \(hint);
                END IF;
            END

            """
    }

    /// A text as COPY reads it.
    private static func escaped(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 == 0x5C || $0 < 0x20 }) else { return text }
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): bytes += "\\\\".utf8
            case UInt8(ascii: "\t"): bytes += "\\t".utf8
            case UInt8(ascii: "\n"): bytes += "\\n".utf8
            case UInt8(ascii: "\r"): bytes += "\\r".utf8
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension RowWriting {
    static let postgres = RowWriting(
        begin: .text { try PostgresScript($0, PostgresTable($1), $1.action) },
        limits: { options throws(FormatError) in try PostgresTable(options) }
    )
}
