#ifndef CLACUNA_TESTVFS_H
#define CLACUNA_TESTVFS_H

#include <stdint.h>

/*
 * A VFS that stands between SQLite and its own unix VFS: it asks the tests before each operation on a file of theirs, and
 * tells them what it did. Locking and shared memory pass through: shared memory doesn't outlive the machine, so there is
 * nothing in it to lose.
 */

typedef enum {
    CTEST_CREATE = 0, /* an open that makes the file */
    CTEST_WRITE,
    CTEST_SYNC,
    CTEST_TRUNCATE,
    CTEST_DELETE,
    CTEST_OPEN,
    CTEST_READ
} ctest_operation;

/* The number of the simulated disk that holds the path; 0 for none. */
typedef int64_t (*ctest_disk_of)(const char *path);

/*
 * Asked before an operation on the file `name`: 0 to let it happen, or the SQLite result code that it fails with instead.
 * Whoever answers 0 to CTEST_SYNC makes the file durable: no fsync(2) follows.
 */
typedef int (*ctest_before)(int64_t disk, int operation, const char *name);

/* The operation happened. CTEST_WRITE tells what was written where, CTEST_TRUNCATE the new length as `offset`. */
typedef void (*ctest_after)(
    int64_t disk, int operation, const char *name, const void *bytes, int64_t offset, int64_t count);

/* Makes the VFS the process's default; once. An SQLite result code. */
int ctest_vfs_install(ctest_disk_of disk_of, ctest_before before, ctest_after after);

/* ioctl(FS_IOC_SHUTDOWN) without flushing the log: what a power cut does to a mounted file system. 0 or an errno. */
int ctest_cut_power(const char *mount_point);

#endif
