import CLacunaSQLite

/// A scalar SQL function from SQL values to an integer.
@safe
package final class IntegerFunction {
    private let body: (SQLArguments) -> Int64

    package init(_ body: @escaping (SQLArguments) -> Int64) { self.body = body }

    static let call: @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void = {
        context,
        count,
        arguments in
        let data = unsafe sqlite3_user_data(context)
        guard let data = unsafe data, let arguments = unsafe arguments else { return }
        let function = unsafe Unmanaged<IntegerFunction>.fromOpaque(data).takeUnretainedValue()
        unsafe sqlite3_result_int64(context, function.body(SQLArguments(arguments, Int(count))))
    }

    /// SQLite calls it when it removes the function, or could not add it.
    static let release: @convention(c) (UnsafeMutableRawPointer?) -> Void = { function in
        if let function = unsafe function { unsafe Unmanaged<IntegerFunction>.fromOpaque(function).release() }
    }
}

/// The arguments of a call, which are valid during the call.
@safe
package struct SQLArguments {
    private let values: UnsafeMutableBufferPointer<OpaquePointer?>

    fileprivate init(_ values: UnsafeMutablePointer<OpaquePointer?>, _ count: Int) {
        unsafe self.values = UnsafeMutableBufferPointer(start: values, count: count)
    }

    /// Nil if the argument is no integer.
    package func integer(_ index: Int) -> Int64? {
        let value = unsafe values[index]
        return unsafe sqlite3_value_type(value) == SQLITE_INTEGER ? sqlite3_value_int64(value) : nil
    }

    /// Calls `body` with a text's bytes, or with nil if the argument is no text.
    package func withText<R>(_ index: Int, _ body: (UnsafeRawBufferPointer?) -> R) -> R {
        let value = unsafe values[index]
        guard unsafe sqlite3_value_type(value) == SQLITE_TEXT, let text = unsafe sqlite3_value_text(value) else {
            return body(nil)
        }
        return unsafe body(UnsafeRawBufferPointer(start: text, count: Int(sqlite3_value_bytes(value))))
    }
}
