import CSQLite

/// A scalar SQL function from SQL values to an integer.
@safe
final class IntegerFunction {
    private let body: ([SQLValue]) -> Int64

    init(_ body: @escaping ([SQLValue]) -> Int64) { self.body = body }

    static let call: @convention(c) (OpaquePointer?, Int32, UnsafeMutablePointer<OpaquePointer?>?) -> Void = {
        context,
        count,
        arguments in
        let data = unsafe sqlite3_user_data(context)
        guard let data = unsafe data, let arguments = unsafe arguments else { return }
        let function = unsafe Unmanaged<IntegerFunction>.fromOpaque(data).takeUnretainedValue()
        let values = (0..<Int(count)).map { unsafe value(arguments[$0]) }
        unsafe sqlite3_result_int64(context, function.body(values))
    }

    /// SQLite calls it when the function goes, and when it could not be made.
    static let release: @convention(c) (UnsafeMutableRawPointer?) -> Void = { function in
        if let function = unsafe function { unsafe Unmanaged<IntegerFunction>.fromOpaque(function).release() }
    }

    private static func value(_ argument: OpaquePointer?) -> SQLValue {
        switch unsafe sqlite3_value_type(argument) {
        case SQLITE_INTEGER: return .integer(unsafe sqlite3_value_int64(argument))
        case SQLITE_FLOAT: return .real(unsafe sqlite3_value_double(argument))
        case SQLITE_TEXT:
            guard let bytes = unsafe sqlite3_value_text(argument) else { return .null }
            let count = unsafe Int(sqlite3_value_bytes(argument))
            return .text(unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self))
        default: return .null
        }
    }
}
