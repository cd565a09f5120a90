#include "CLacunaStoreVFS.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

static sqlite3_vfs *below(sqlite3_vfs *vfs) { return vfs->pAppData; }

/* Whether a real path still leads into the directory that it was made for. */
static int is_in_its_directory(const char *name) {
    char directory[1024];
    struct stat held, named;
    int fd = (int)sqlite3_uri_int64(name, "directory", -1);
    if (fd < 0) return 1;
    const char *slash = strrchr(name, '/');
    if (!slash || slash - name >= (long)sizeof directory) return 0;
    memcpy(directory, name, (size_t)(slash - name));
    directory[slash - name] = 0;
    return fstat(fd, &held) == 0 && stat(directory, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
    file->pMethods = NULL;
    if (flags & SQLITE_OPEN_SUPER_JOURNAL) return SQLITE_CANTOPEN;
    /* A connection that only reads asks whether a transaction was finished, and plays nothing back. */
    if (flags & SQLITE_OPEN_MAIN_JOURNAL && !(flags & SQLITE_OPEN_READONLY && sqlite3_uri_boolean(name, "journal", 0)))
        return SQLITE_CANTOPEN;
    if (name && !is_in_its_directory(name)) return SQLITE_CANTOPEN;
    if (flags & SQLITE_OPEN_WAL && sqlite3_uri_boolean(name, "joins", 0)) flags &= ~SQLITE_OPEN_CREATE;
    return below(vfs)->xOpen(below(vfs), name, file, flags, out_flags);
}

static int delete_file(sqlite3_vfs *vfs, const char *name, int sync_directory) {
    if (!is_in_its_directory(name)) return SQLITE_IOERR_DELETE;
    return below(vfs)->xDelete(below(vfs), name, sync_directory);
}

static int full_path(sqlite3_vfs *vfs, const char *name, int size, char *path) {
    (void)vfs;
    if (strlen(name) >= (size_t)size) return SQLITE_CANTOPEN;
    strcpy(path, name);
    return SQLITE_OK;
}

static int has_access(sqlite3_vfs *vfs, const char *name, int flags, int *result) {
    return below(vfs)->xAccess(below(vfs), name, flags, result);
}
static int random_bytes(sqlite3_vfs *vfs, int count, char *bytes) {
    return below(vfs)->xRandomness(below(vfs), count, bytes);
}
static int sleep_for(sqlite3_vfs *vfs, int microseconds) { return below(vfs)->xSleep(below(vfs), microseconds); }
static int current_time(sqlite3_vfs *vfs, double *now) { return below(vfs)->xCurrentTime(below(vfs), now); }
static int current_time_64(sqlite3_vfs *vfs, sqlite3_int64 *now) {
    return below(vfs)->xCurrentTimeInt64(below(vfs), now);
}
static int last_error(sqlite3_vfs *vfs, int size, char *text) {
    return below(vfs)->xGetLastError ? below(vfs)->xGetLastError(below(vfs), size, text) : 0;
}

static sqlite3_vfs *made_for(sqlite3_vfs *real, const char *name) {
    size_t length = strlen(name) + 1;
    char *memory = sqlite3_malloc64(sizeof(sqlite3_vfs) + length);
    if (!memory) return NULL;
    sqlite3_vfs *vfs = (sqlite3_vfs *)memory;
    memset(vfs, 0, sizeof *vfs);
    vfs->zName = memcpy(memory + sizeof *vfs, name, length);
    vfs->iVersion = real->iVersion < 2 ? 1 : 2;
    vfs->szOsFile = real->szOsFile;
    vfs->mxPathname = real->mxPathname;
    vfs->pAppData = real;
    vfs->xOpen = open_file;
    vfs->xDelete = delete_file;
    vfs->xAccess = has_access;
    vfs->xFullPathname = full_path;
    vfs->xRandomness = random_bytes;
    vfs->xSleep = sleep_for;
    vfs->xCurrentTime = current_time;
    vfs->xCurrentTimeInt64 = current_time_64;
    vfs->xGetLastError = last_error;
    return vfs;
}

const char *lacuna_store_vfs(void) {
    char name[256];
    if (sqlite3_initialize() != SQLITE_OK) return NULL;
    sqlite3_mutex *mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP1);
    sqlite3_mutex_enter(mutex);
    sqlite3_vfs *real = sqlite3_vfs_find(NULL);
    sqlite3_snprintf(sizeof name, name, "lacuna over %s", real ? real->zName : "");
    sqlite3_vfs *vfs = real ? sqlite3_vfs_find(name) : NULL;
    if (real && (!vfs || below(vfs) != real)) {
        vfs = made_for(real, name);
        if (vfs && sqlite3_vfs_register(vfs, 0) != SQLITE_OK) vfs = NULL;
    }
    sqlite3_mutex_leave(mutex);
    return vfs ? vfs->zName : NULL;
}
