#ifndef CLACUNA_STOREVFS_H
#define CLACUNA_STOREVFS_H

/*
 * An SQLite VFS (sqlite.org/vfs.html) that keeps a database and the files that SQLite puts beside it in one directory. It
 * hands all calls to the default VFS, and opens nothing itself, so that the locks and inodes that the default VFS knows are
 * right.
 *
 * Names are used as they are given, and links in them aren't followed. A name leads into the directory by its descriptor,
 * /proc/thread-self/fd/N/NAME, or, if there are no such names, it is a real path with the URI parameter directory=N. Then
 * it is checked before each opening and each removal that the path still leads to the descriptor's directory.
 *
 * With the URI parameter joins=1 a write-ahead log is opened only if it exists.
 *
 * Rollback journals are refused: a store has none, and a forged one would make SQLite unlink the files that it names.
 *
 * Returns the VFS's name, with which databases are opened; null if there is too little memory. It is registered once for
 * each default VFS, and never becomes the default.
 */
const char *lacuna_store_vfs(void);

#endif
