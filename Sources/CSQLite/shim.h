#ifndef LACUNA_CSQLITE_SHIM_H
#define LACUNA_CSQLITE_SHIM_H

#include <sqlite3.h>

/* Swift can't call variadic C functions. */

static inline int lacuna_sqlite3_db_config_flag(sqlite3 *connection, int option, int value) {
    return sqlite3_db_config(connection, option, value, (int *)0);
}

/* SQLITE_TRANSIENT is a cast macro, which Swift doesn't import. */

static inline int lacuna_sqlite3_bind_text(sqlite3_stmt *statement, int index, const void *text, sqlite3_uint64 bytes) {
    return sqlite3_bind_text64(statement, index, (const char *)text, bytes, SQLITE_TRANSIENT, SQLITE_UTF8);
}

#endif
