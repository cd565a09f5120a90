#ifndef LACUNA_CTESTVFS_H
#define LACUNA_CTESTVFS_H

#include <stdint.h>

/*
 * A VFS that stands between SQLite and its own unix VFS, and asks the tests before each operation that changes a file.
 * Reading, locking and shared memory pass through: shared memory doesn't outlive the machine, so there is nothing in it
 * to lose.
 */

typedef enum {
    CTEST_CREATE = 0, /* an open that makes the file */
    CTEST_WRITE,
    CTEST_SYNC,
    CTEST_TRUNCATE,
    CTEST_DELETE
} ctest_operation;

/*
 * Asked before an operation: 0 to let it happen, or the SQLite result code that it fails with instead. For CTEST_WRITE
 * `offset` and `count` tell the range. For CTEST_SYNC `bytes` is the file's whole content; whoever answers 0 has made that
 * durable, and no fsync(2) follows: a test's disk is the one that it models.
 */
typedef int (*ctest_before)(int operation, const char *path, const void *bytes, int64_t offset, int64_t count);

/* The operation happened. */
typedef void (*ctest_after)(int operation, const char *path);

/* Whether anybody wants to hear of this path's operations. */
typedef int (*ctest_watches)(const char *path);

/* Makes the VFS the process's default; once. An SQLite result code. */
int ctest_vfs_install(ctest_watches watches, ctest_before before, ctest_after after);

/* How many of the bytes are left when the zeros at the end are cut off, in steps of 4,096 bytes. */
int64_t ctest_length_without_zeros(const void *bytes, int64_t count);

/* ioctl(FS_IOC_SHUTDOWN) without flushing the log: what a power cut does to a mounted file system. 0 or an errno. */
int ctest_cut_power(const char *mount_point);

#endif
