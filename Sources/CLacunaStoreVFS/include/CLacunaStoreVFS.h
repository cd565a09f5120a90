#ifndef CLACUNA_STOREVFS_H
#define CLACUNA_STOREVFS_H

/*
 * An SQLite VFS (sqlite.org/vfs.html) that keeps a database and what SQLite puts beside it in one directory, and lies over
 * the VFS that is the default. It opens nothing itself, so that the locks and inodes that the one below knows stay true.
 *
 * Names are taken as they are given, with no link in them followed: either such that lead into the directory by its
 * descriptor, /proc/thread-self/fd/N/NAME, or, where there are no such names, real paths with the URI parameter directory=N. Then
 * each opening and each removal is preceded by a look whether the path still leads to the descriptor's directory.
 *
 * With the URI parameter joins=1 a write-ahead log is opened only where it is there.
 *
 * Rollback journals are refused: a store has none, and one that was forged has SQLite unlink the files it names.
 *
 * Returns the name to open databases with; null where memory is short. Registered once for each default; never the default.
 */
const char *lacuna_store_vfs(void);

#endif
