#ifndef CLACUNA_TESTVFS_H
#define CLACUNA_TESTVFS_H

#include <stdint.h>

/*
 * A VFS between SQLite and SQLite's own unix VFS. It asks the tests before each operation on one of their files, and
 * reports the operation afterwards. Locking and shared memory pass through: shared memory doesn't outlive the machine, so
 * nothing in it can be lost.
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
 * Called before an operation on the file `name`. Returns 0 to let it happen, or the SQLite result code that it fails with.
 * If the answer to CTEST_SYNC is 0, the test has made the file durable: no fsync(2) follows.
 */
typedef int (*ctest_before)(int64_t disk, int operation, const char *name);

/* Called after an operation. CTEST_WRITE gives the bytes and their offset, CTEST_TRUNCATE the new length as `offset`. */
typedef void (*ctest_after)(
    int64_t disk, int operation, const char *name, const void *bytes, int64_t offset, int64_t count);

/* Makes the VFS the process's default; called once. Returns an SQLite result code. */
int ctest_vfs_install(ctest_disk_of disk_of, ctest_before before, ctest_after after);

/* Calls ioctl(FS_IOC_SHUTDOWN) without a flush of the log, which acts like a power cut. Returns 0 or an errno. */
int ctest_cut_power(const char *mount_point);

#endif
