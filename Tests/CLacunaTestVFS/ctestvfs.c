#define _GNU_SOURCE
#include "CLacunaTestVFS.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static ctest_disk_of disk_of;
static ctest_before before;
static ctest_after after;

typedef struct {
    sqlite3_file base;
    const char *name; /* within its directory; SQLite keeps the path while the file is open */
    int64_t disk;     /* 0 if the file is on no simulated disk */
    int last_errno;   /* of the last call that was made to fail */
    sqlite3_file *real; /* lies right behind this structure */
} test_file;

static const char *last_component(const char *path) {
    const char *slash = path ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

static sqlite3_vfs *real_vfs(sqlite3_vfs *vfs) { return vfs->pAppData; }
static test_file *cast(sqlite3_file *file) { return (test_file *)file; }
static sqlite3_file *real_file(sqlite3_file *file) { return cast(file)->real; }
#define METHODS(file) (real_file(file)->pMethods)

static int ask(sqlite3_file *file, int operation) {
    int code = cast(file)->disk ? before(cast(file)->disk, operation, cast(file)->name) : SQLITE_OK;
    if (code != SQLITE_OK) cast(file)->last_errno = errno;
    return code;
}

static int tell(sqlite3_file *file, int operation, int code, const void *bytes, int64_t offset, int64_t count) {
    if (code == SQLITE_OK && cast(file)->disk)
        after(cast(file)->disk, operation, cast(file)->name, bytes, offset, count);
    return code;
}

static int x_close(sqlite3_file *file) { return METHODS(file)->xClose(real_file(file)); }
static int x_read(sqlite3_file *file, void *buffer, int count, sqlite3_int64 offset) {
    int code = ask(file, CTEST_READ);
    if (code != SQLITE_OK) return code;
    return METHODS(file)->xRead(real_file(file), buffer, count, offset);
}
static int x_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
    int code = ask(file, CTEST_WRITE);
    if (code != SQLITE_OK) return code;
    code = METHODS(file)->xWrite(real_file(file), bytes, count, offset);
    return tell(file, CTEST_WRITE, code, bytes, offset, count);
}
static int x_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int code = ask(file, CTEST_TRUNCATE);
    if (code != SQLITE_OK) return code;
    return tell(file, CTEST_TRUNCATE, METHODS(file)->xTruncate(real_file(file), size), NULL, size, 0);
}
static int x_sync(sqlite3_file *file, int flags) {
    if (!cast(file)->disk) return METHODS(file)->xSync(real_file(file), flags);
    return tell(file, CTEST_SYNC, ask(file, CTEST_SYNC), NULL, 0, 0);
}
static int x_file_size(sqlite3_file *file, sqlite3_int64 *size) { return METHODS(file)->xFileSize(real_file(file), size); }
static int x_lock(sqlite3_file *file, int level) { return METHODS(file)->xLock(real_file(file), level); }
static int x_unlock(sqlite3_file *file, int level) { return METHODS(file)->xUnlock(real_file(file), level); }
static int x_check_reserved(sqlite3_file *file, int *result) {
    return METHODS(file)->xCheckReservedLock(real_file(file), result);
}
static int x_control(sqlite3_file *file, int operation, void *argument) {
    if (operation == SQLITE_FCNTL_LAST_ERRNO && cast(file)->last_errno) {
        *(int *)argument = cast(file)->last_errno;
        return SQLITE_OK;
    }
    return METHODS(file)->xFileControl(real_file(file), operation, argument);
}
static int x_sector_size(sqlite3_file *file) { return METHODS(file)->xSectorSize(real_file(file)); }
static int x_characteristics(sqlite3_file *file) { return METHODS(file)->xDeviceCharacteristics(real_file(file)); }
static int x_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **result) {
    return METHODS(file)->xShmMap(real_file(file), page, size, extend, result);
}
static int x_shm_lock(sqlite3_file *file, int offset, int count, int flags) {
    return METHODS(file)->xShmLock(real_file(file), offset, count, flags);
}
static void x_shm_barrier(sqlite3_file *file) { METHODS(file)->xShmBarrier(real_file(file)); }
static int x_shm_unmap(sqlite3_file *file, int delete) { return METHODS(file)->xShmUnmap(real_file(file), delete); }

static const sqlite3_io_methods methods = {
    2, x_close, x_read, x_write, x_truncate, x_sync, x_file_size, x_lock, x_unlock, x_check_reserved, x_control,
    x_sector_size, x_characteristics, x_shm_map, x_shm_lock, x_shm_barrier, x_shm_unmap, NULL, NULL};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    test_file *test = cast(file);
    memset(test, 0, sizeof(*test));
    test->name = last_component(name);
    test->real = (sqlite3_file *)(test + 1);
    memset(test->real, 0, (size_t)real_vfs(vfs)->szOsFile);
    test->disk = name != NULL ? disk_of(name) : 0;
    int creates = 0;
    if (test->disk) {
        creates = (flags & SQLITE_OPEN_CREATE) != 0 && access(name, F_OK) != 0;
        int code = before(test->disk, creates ? CTEST_CREATE : CTEST_OPEN, test->name);
        if (code != SQLITE_OK) return code;
    }
    int code = real_vfs(vfs)->xOpen(real_vfs(vfs), name, test->real, flags, out_flags);
    if (test->real->pMethods) test->base.pMethods = &methods;
    if (code == SQLITE_OK && creates) after(test->disk, CTEST_CREATE, test->name, NULL, 0, 0);
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_directory) {
    int64_t disk = disk_of(name);
    if (!disk) return real_vfs(vfs)->xDelete(real_vfs(vfs), name, sync_directory);
    int code = before(disk, CTEST_DELETE, last_component(name));
    if (code != SQLITE_OK) return code;
    code = real_vfs(vfs)->xDelete(real_vfs(vfs), name, sync_directory);
    if (code == SQLITE_OK) after(disk, CTEST_DELETE, last_component(name), NULL, 0, 0);
    return code;
}

int ctest_vfs_install(ctest_disk_of disk_of_path, ctest_before before_operation, ctest_after after_operation) {
    static sqlite3_vfs vfs;
    int code = sqlite3_initialize();
    if (code != SQLITE_OK) return code;
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    if (!real) return SQLITE_ERROR;
    disk_of = disk_of_path;
    before = before_operation;
    after = after_operation;
    vfs = *real; /* methods that aren't replaced are the real VFS's; they need only the VFS's own fields */
    vfs.zName = "lacuna-test";
    vfs.pNext = NULL;
    vfs.pAppData = real;
    vfs.szOsFile = (int)sizeof(test_file) + real->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    return sqlite3_vfs_register(&vfs, 1);
}

int ctest_cut_power(const char *mount_point) {
#ifdef __linux__
    int fd = open(mount_point, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return errno;
    uint32_t no_log_flush = 2;
    /* FS_IOC_SHUTDOWN of ext4 and XFS: _IOR('X', 125, __u32) */
    int code = ioctl(fd, _IOR('X', 125, uint32_t), &no_log_flush) == 0 ? 0 : errno;
    close(fd);
    return code;
#else
    (void)mount_point;
    return ENOTSUP;
#endif
}
