public import CLacunaSQLite
public import LacunaPlatform

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// A prepared statement, which is finalized with its last reference. It is not thread-safe: it belongs to its
/// connection's owner.
@safe
@usableFromInline
package final class Statement {
    @usableFromInline let handle: OpaquePointer
    private let connection: OpaquePointer
    private let sql: String
    /// A connection stays open for as long as one of its statements lives, and needs its directory.
    private let directory: Directory

    /// `connection` stays open for as long as this statement lives: ``Connection`` holds its statements, and the
    /// statements don't hold it.
    init(_ connection: OpaquePointer, _ sql: String, _ directory: Directory) throws(VectorStoreError) {
        var statement: OpaquePointer?
        let code = unsafe sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement = unsafe statement else {
            throw unsafe VectorStoreError(Connection.error(connection, code, sql))
        }
        unsafe self.handle = statement
        unsafe self.connection = connection
        self.sql = sql
        self.directory = directory
    }

    deinit { unsafe sqlite3_finalize(handle) }

    /// Whether it has begun, and was neither run to its end nor reset.
    var isBusy: Bool { unsafe sqlite3_stmt_busy(handle) != 0 }

    package var parameterCount: Int { unsafe Int(sqlite3_bind_parameter_count(handle)) }

    @usableFromInline package func bind(_ values: [SQLValue]) throws(VectorStoreError) {
        for (index, value) in values.enumerated() {
            try bind(value, at: index + 1)
        }
    }

    package func bind(_ integer: Int64, at index: Int) throws(VectorStoreError) {
        let code = unsafe sqlite3_bind_int64(handle, Int32(index), integer)
        if code != SQLITE_OK { throw failure(code) }
    }

    /// `index` counts from 1, as SQLite does.
    package func bind(_ value: SQLValue, at index: Int) throws(VectorStoreError) {
        let index = Int32(index)
        let code: Int32
        switch value {
        case .null: code = unsafe sqlite3_bind_null(handle, index)
        case .integer(let integer): code = unsafe sqlite3_bind_int64(handle, index, integer)
        case .real(let real): code = unsafe sqlite3_bind_double(handle, index, real)
        case .text(var text):
            code = text.withUTF8 { bytes in
                // An empty buffer may have no address, and SQLite would bind NULL for it.
                guard let base = bytes.baseAddress, bytes.count > 0 else {
                    return unsafe lacuna_sqlite3_bind_text(handle, index, "", 0)
                }
                return unsafe lacuna_sqlite3_bind_text(handle, index, base, UInt64(bytes.count))
            }
        }
        if code != SQLITE_OK { throw failure(code) }
    }

    /// True if there is a row to read, false when the statement is done.
    @inlinable package func step() throws(VectorStoreError) -> Bool {
        let code = unsafe sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE { return false }
        throw failure(code)
    }

    @usableFromInline func failure(_ code: Int32) -> VectorStoreError {
        unsafe VectorStoreError(Connection.error(connection, code, sql))
    }

    @usableFromInline package func reset() {
        unsafe sqlite3_reset(handle)
        unsafe sqlite3_clear_bindings(handle)
        // If the steps of all runs were added up, a short statement would look like a long one.
        unsafe sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_VM_STEP, 1)
    }

    /// Whether SQLite takes the value for true.
    package func isTrue(_ column: Int) -> Bool { unsafe sqlite3_column_double(handle, Int32(column)) != 0 }

    @inlinable package func integer(_ column: Int) -> Int64 { unsafe sqlite3_column_int64(handle, Int32(column)) }

    package func text(_ column: Int) throws(VectorStoreError) -> String {
        let column = Int32(column)
        guard let bytes = unsafe sqlite3_column_text(handle, column) else {
            throw .damaged("a text is missing in the index")
        }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        let buffer = unsafe UnsafeBufferPointer(start: bytes, count: count)
        guard let text = unsafe String(utf8: buffer) else {
            throw .damaged("a text in the index isn't UTF-8")
        }
        return text
    }

    /// Calls `body` with a text's bytes, or with nil if the value is no text.
    package func withText<R>(_ column: Int, _ body: (UnsafeBufferPointer<UInt8>?) -> R) -> R {
        let column = Int32(column)
        guard unsafe sqlite3_column_type(handle, column) == SQLITE_TEXT,
            let bytes = unsafe sqlite3_column_text(handle, column)
        else { return body(nil) }
        return unsafe body(UnsafeBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column))))
    }

    package func isInteger(_ column: Int) -> Bool {
        unsafe sqlite3_column_type(handle, Int32(column)) == SQLITE_INTEGER
    }

    /// The text, with U+FFFD in place of bytes that aren't UTF-8; empty if the value is no text.
    package func repairedText(_ column: Int) -> String {
        let column = Int32(column)
        guard let bytes = unsafe sqlite3_column_text(handle, column) else { return "" }
        let count = unsafe Int(sqlite3_column_bytes(handle, column))
        return unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    package func isNull(_ column: Int) -> Bool { unsafe sqlite3_column_type(handle, Int32(column)) == SQLITE_NULL }

    package func value(_ column: Int) throws(VectorStoreError) -> SQLValue {
        switch unsafe sqlite3_column_type(handle, Int32(column)) {
        case SQLITE_NULL: .null
        case SQLITE_INTEGER: .integer(integer(column))
        case SQLITE_FLOAT: .real(unsafe sqlite3_column_double(handle, Int32(column)))
        // Read as a text, the value would sort elsewhere than in the index, and a search for the next value would find
        // it again.
        case SQLITE_BLOB: throw .damaged("a value in the index is a blob")
        default: .text(try text(column))
        }
    }
}

extension String {
    /// The text of UTF-8 bytes; nil if they are not UTF-8. A decoded text has other bytes where it was repaired, and to
    /// compare the bytes costs a fraction of what `init(validating:as:)` does.
    package init?(utf8 bytes: UnsafeBufferPointer<UInt8>) {
        var text = unsafe String(decoding: bytes, as: UTF8.self)
        let isSame = text.withUTF8 { own in
            guard own.count == bytes.count, let first = own.baseAddress, let second = bytes.baseAddress else {
                return own.count == bytes.count
            }
            return unsafe memcmp(first, second, own.count) == 0
        }
        if !isSame { return nil }
        self = text
    }
}

/// Blobs.
extension Statement {
    package func bind(_ bytes: [UInt8], at index: Int) throws(VectorStoreError) {
        let code = unsafe bytes.withUnsafeBytes { buffer in
            unsafe lacuna_sqlite3_bind_blob(handle, Int32(index), buffer.baseAddress, UInt64(buffer.count))
        }
        if code != SQLITE_OK { throw failure(code) }
    }

    /// Calls `body` with a blob's bytes, which are valid until it returns. There are none if the value is no blob.
    @inlinable package func withBlob<R, E: Error>(
        _ column: Int,
        _ body: (UnsafeRawBufferPointer) throws(E) -> R
    ) throws(E) -> R {
        try unsafe body(blob(column))
    }

    /// Valid until the statement is stepped or reset.
    @usableFromInline func blob(_ column: Int) -> UnsafeRawBufferPointer {
        let column = Int32(column)
        guard unsafe sqlite3_column_type(handle, column) == SQLITE_BLOB else {
            return unsafe UnsafeRawBufferPointer(start: nil, count: 0)
        }
        let bytes = unsafe sqlite3_column_blob(handle, column)
        return unsafe UnsafeRawBufferPointer(start: bytes, count: Int(sqlite3_column_bytes(handle, column)))
    }
}
