#define _GNU_SOURCE
#include "CLacunaPlatform.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#if defined(__linux__)
#include <linux/fs.h>
#endif

#if defined(__APPLE__)

int lacuna_allocate(int fd, int64_t offset, int64_t length) {
    struct stat status;
    if (fstat(fd, &status) != 0) return errno;
    /* Blocks can be reserved only past the end of the file. */
    if (offset < status.st_size) return ENOTSUP;
    fstore_t request = {
        .fst_flags = F_ALLOCATECONTIG, .fst_posmode = F_PEOFPOSMODE, .fst_offset = 0, .fst_length = length};
    /* F_PREALLOCATE reserves blocks past the physical end of the file, in one piece if possible. */
    if (fcntl(fd, F_PREALLOCATE, &request) != 0) {
        request.fst_flags = F_ALLOCATEALL;
        if (fcntl(fd, F_PREALLOCATE, &request) != 0) return errno;
    }
    return ftruncate(fd, offset + length) == 0 ? 0 : errno;
}

int lacuna_punch_hole(int fd, int64_t offset, int64_t length) {
    fpunchhole_t hole = {.fp_flags = 0, .reserved = 0, .fp_offset = offset, .fp_length = length};
    return fcntl(fd, F_PUNCHHOLE, &hole) == 0 ? 0 : errno;
}

void lacuna_begin_writeback(int fd, int64_t offset, int64_t length) {
    (void)fd;
    (void)offset;
    (void)length;
}

int lacuna_finish_writeback(int fd, int64_t offset, int64_t length) {
    (void)fd;
    (void)offset;
    (void)length;
    return 0;
}

int lacuna_sync(int fd) {
    int result;
    /* fsync(2) on Darwin stops at the drive's cache; file systems without F_FULLFSYNC have nothing stronger. */
    do result = fcntl(fd, F_FULLFSYNC);
    while (result != 0 && errno == EINTR);
    if (result == 0) return 0;
    if (errno != ENOTSUP && errno != EINVAL && errno != ENOTTY) return errno;
    do result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

#else

int lacuna_allocate(int fd, int64_t offset, int64_t length) {
    int result;
    do result = fallocate(fd, 0, offset, length);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

int lacuna_punch_hole(int fd, int64_t offset, int64_t length) {
    int result;
    do result = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, length);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

/* An error stays with the file, and its next sync reports it. */
void lacuna_begin_writeback(int fd, int64_t offset, int64_t length) {
    sync_file_range(fd, offset, length, SYNC_FILE_RANGE_WRITE);
}

int lacuna_finish_writeback(int fd, int64_t offset, int64_t length) {
    unsigned flags = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    return sync_file_range(fd, offset, length, flags) == 0 ? 0 : errno;
}

int lacuna_sync(int fd) {
    int result;
    do result = fdatasync(fd);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

#endif

int lacuna_sync_directory(int fd) {
#if defined(__APPLE__)
    return lacuna_sync(fd);
#else
    int result;
    /* fdatasync(2) may leave a directory's size out. */
    do result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
#endif
}

int lacuna_clone(int fd, int source) {
#if defined(__APPLE__)
    /* fclonefileat(2) makes the file itself. */
    (void)fd;
    (void)source;
    return ENOTSUP;
#else
    return ioctl(fd, FICLONE, source) == 0 ? 0 : errno;
#endif
}

int lacuna_exchange_names(int directory, const char *name, const char *other) {
#if defined(__APPLE__)
    return renameatx_np(directory, name, directory, other, RENAME_SWAP) == 0 ? 0 : errno;
#else
    return renameat2(directory, name, directory, other, RENAME_EXCHANGE) == 0 ? 0 : errno;
#endif
}

int lacuna_rename_new(int directory, const char *name, const char *new_name) {
#if defined(__APPLE__)
    return renameatx_np(directory, name, directory, new_name, RENAME_EXCL) == 0 ? 0 : errno;
#else
    return renameat2(directory, name, directory, new_name, RENAME_NOREPLACE) == 0 ? 0 : errno;
#endif
}

int lacuna_replace_descriptor(int fd, int other) {
    int result;
#if defined(__APPLE__)
    do result = dup2(other, fd);
    while (result < 0 && errno == EINTR);
    if (result >= 0) result = fcntl(fd, F_SETFD, FD_CLOEXEC);
#else
    do result = dup3(other, fd, O_CLOEXEC);
    while (result < 0 && errno == EINTR);
#endif
    return result >= 0 ? 0 : errno;
}

uint64_t lacuna_thread_number(void) {
    static _Atomic uint64_t next = 1;
    static _Thread_local uint64_t mine = 0;
    if (mine == 0) mine = atomic_fetch_add_explicit(&next, 1, memory_order_relaxed);
    return mine - 1;
}

static int lock(int fd, int operation) {
    int result;
    do result = flock(fd, operation);
    while (result != 0 && errno == EINTR);
    return result == 0 ? 0 : errno;
}

int lacuna_lock(int fd, bool exclusive) {
    return lock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
}

int lacuna_unlock(int fd) {
    return lock(fd, LOCK_UN);
}

static int seek(int fd, int64_t offset, int whence, int64_t *found) {
    off_t result = lseek(fd, (off_t)offset, whence);
    if (result < 0) return errno;
    *found = (int64_t)result;
    return 0;
}

int lacuna_seek_data(int fd, int64_t offset, int64_t *found) {
    return seek(fd, offset, SEEK_DATA, found);
}

int lacuna_seek_hole(int fd, int64_t offset, int64_t *found) {
    return seek(fd, offset, SEEK_HOLE, found);
}
