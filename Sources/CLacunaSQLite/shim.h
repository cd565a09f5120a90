#ifndef LACUNA_CSQLITE_SHIM_H
#define LACUNA_CSQLITE_SHIM_H

#include <sqlite3.h>

/* Swift can't call variadic C functions. */

static inline int lacuna_sqlite3_db_config_flag(sqlite3 *connection, int option, int value) {
    return sqlite3_db_config(connection, option, value, (int *)0);
}

/* Between a call with mode 1 and a call with mode 0, CREATE TABLE makes a table of this connection's memory alone, whose rows
   are the entries of the b-tree at the root page. A call with mode 0 and a root page forgets all such tables. */

static inline void lacuna_sqlite3_imposter(sqlite3 *connection, int mode, int root) {
    sqlite3_test_control(SQLITE_TESTCTRL_IMPOSTER, connection, "main", mode, root);
}

/* SQLITE_TRANSIENT is a cast macro, which Swift doesn't import. */

static inline int lacuna_sqlite3_bind_text(sqlite3_stmt *statement, int index, const void *text, sqlite3_uint64 bytes) {
    return sqlite3_bind_text64(statement, index, (const char *)text, bytes, SQLITE_TRANSIENT, SQLITE_UTF8);
}

static inline int lacuna_sqlite3_bind_blob(sqlite3_stmt *statement, int index, const void *blob, sqlite3_uint64 bytes) {
    return sqlite3_bind_blob64(statement, index, bytes ? blob : "", bytes, SQLITE_TRANSIENT);
}

/* The connection's open file of the write-ahead log; null if it has none. The first read opens it. */

static inline sqlite3_file *lacuna_sqlite3_log(sqlite3 *connection) {
    sqlite3_file *file = 0;
    if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_JOURNAL_POINTER, &file) != SQLITE_OK) return 0;
    return file && file->pMethods ? file : 0;
}

static inline int lacuna_sqlite3_file_size(sqlite3_file *file, sqlite3_int64 *size) {
    return file->pMethods->xFileSize(file, size);
}

/* Bytes beyond the end read as zeros. */

static inline int lacuna_sqlite3_file_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 offset) {
    int code = file->pMethods->xRead(file, bytes, count, offset);
    return code == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : code;
}

static inline int lacuna_sqlite3_file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    return file->pMethods->xWrite(file, bytes, count, offset);
}

static inline int lacuna_sqlite3_file_sync(sqlite3_file *file) {
    return file->pMethods->xSync(file, SQLITE_SYNC_FULL);
}

/* The errno of the last call on the file that failed; 0 if none has failed, or if the VFS doesn't report it. */

static inline int lacuna_sqlite3_last_errno(sqlite3_file *file) {
    int reason = 0;
    if (!file || !file->pMethods) return 0;
    return file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &reason) == SQLITE_OK ? reason : 0;
}

static inline sqlite3_file *lacuna_sqlite3_database(sqlite3 *connection) {
    sqlite3_file *file = 0;
    return sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK ? file : 0;
}

/* Makes the next checkpoint copy all frames of the log, even those that SQLite takes to be in the database. The number of
   these frames, nBackfill, is at byte 96 of the shared memory, in the machine's byte order. SQLite itself sets it to 0 when
   it recovers. That needs the write lock, which the caller holds, and the checkpointer's, which is the second lock; readers
   go on (sqlite.org/walformat.html, 2.2 and 2.3). SQLITE_BUSY if another checkpoint is under way. */

static inline int lacuna_sqlite3_forget_checkpoints(sqlite3 *connection) {
    sqlite3_file *file = 0;
    int code = sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file);
    if (code != SQLITE_OK) return code;
    code = file->pMethods->xShmLock(file, 1, 1, SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE);
    if (code != SQLITE_OK) return code;
    void volatile *shared = 0;
    code = file->pMethods->xShmMap(file, 0, 32 << 10, 0, &shared);
    if (code == SQLITE_OK && !shared) code = SQLITE_IOERR_SHMMAP;
    if (code == SQLITE_OK) __atomic_store_n((volatile unsigned *)shared + 96 / 4, 0, __ATOMIC_SEQ_CST);
    file->pMethods->xShmLock(file, 1, 1, SQLITE_SHM_UNLOCK | SQLITE_SHM_EXCLUSIVE);
    return code;
}

/* The shared memory beside the log, which is mapped while any connection of this process has the database open; null if
   there is none. It begins with the wal-index's header (sqlite.org/walformat.html, 2.1). Call this during or after a read. */

static inline const void *lacuna_sqlite3_shared_memory(sqlite3 *connection) {
    sqlite3_file *file = 0;
    if (sqlite3_file_control(connection, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK) return 0;
    if (!file || !file->pMethods || file->pMethods->iVersion < 2) return 0;
    void volatile *shared = 0;
    if (file->pMethods->xShmMap(file, 0, 32 << 10, 0, &shared) != SQLITE_OK) return 0;
    return (const void *)shared;
}

/* The fields of that header that describe the newest commit: its number, the page size, the log's last frame and the
   database's pages, the checksum over all frames so far, the log's salts, and the header's own checksum. */

typedef struct {
    unsigned change;
    unsigned page;
    sqlite3_uint64 frame;
    sqlite3_uint64 checksum;
    sqlite3_uint64 salt;
    sqlite3_uint64 header_checksum;
} lacuna_log_version;

/* Other processes may write to it meanwhile: a mixture of an old and a new header equals neither. */

static inline lacuna_log_version lacuna_read_log_version(const void *shared) {
    const unsigned *half = (const unsigned *)shared;
    const sqlite3_uint64 *whole = (const sqlite3_uint64 *)shared;
    lacuna_log_version version;
    version.change = __atomic_load_n(half + 2, __ATOMIC_ACQUIRE);
    version.page = __atomic_load_n(half + 3, __ATOMIC_ACQUIRE);
    version.frame = __atomic_load_n(whole + 2, __ATOMIC_ACQUIRE);
    version.checksum = __atomic_load_n(whole + 3, __ATOMIC_ACQUIRE);
    version.salt = __atomic_load_n(whole + 4, __ATOMIC_ACQUIRE);
    version.header_checksum = __atomic_load_n(whole + 5, __ATOMIC_ACQUIRE);
    return version;
}

#endif
