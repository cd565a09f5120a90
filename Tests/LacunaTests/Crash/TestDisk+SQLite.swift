import CLacunaSQLite

@testable import Lacuna

#if canImport(Darwin)
import Darwin
#else
import Glibc
#endif

/// The connection with the test VFS, for SQLite's files.
extension TestDisk {
    private static func operation(_ operation: Int32, _ name: String) -> DiskOperation {
        DiskOperation(kind: DiskOperation.Kind.allCases[Int(operation)], name: name, isSQLite: true)
    }

    static func sqliteWants(_ number: Int64, _ operation: Int32, _ name: String) -> Int32 {
        let operation = Self.operation(operation, name)
        guard let reason = disk(number)?.wants(operation) else { return SQLITE_OK }
        // SQLite's unix VFS takes a quota for an I/O error, and keeps the errno as the reason; so this does the same.
        defer { errno = reason }
        switch operation.kind {
        case .read: return SQLITE_IOERR | 1 << 8
        case .write: return reason == ENOSPC ? SQLITE_FULL : SQLITE_IOERR | 3 << 8
        case .sync: return SQLITE_IOERR | 4 << 8
        case .truncate: return SQLITE_IOERR | 6 << 8
        case .unlink: return SQLITE_IOERR | 10 << 8
        default: return SQLITE_CANTOPEN
        }
    }

    static func sqliteDid(
        _ number: Int64,
        _ operation: Int32,
        _ name: String,
        _ bytes: UnsafeRawBufferPointer,
        _ offset: Int64
    ) {
        let operation = Self.operation(operation, name)
        switch operation.kind {
        case .write: unsafe disk(number)?.did(operation, .write(Array(bytes), at: offset))
        case .truncate: disk(number)?.did(operation, .truncate(offset))
        default: disk(number)?.did(operation)
        }
    }
}
