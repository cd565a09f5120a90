#ifndef CLACUNA_PLATFORM_H
#define CLACUNA_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* System calls whose flags or variadic forms Swift can't use. Each returns 0 or an errno value. */

/* Reserves disk blocks for [offset, offset + length), and extends the file to include them if it is shorter. */
int lacuna_allocate(int fd, int64_t offset, int64_t length);

/* Gives back the whole blocks in [offset, offset + length). The file keeps its length, and the range reads as zeros. */
int lacuna_punch_hole(int fd, int64_t offset, int64_t length);

/* Makes the file's bytes, and the metadata needed to read them, survive a power cut. */
int lacuna_sync(int fd);

/* Makes the names in a directory survive a power cut. */
int lacuna_sync_directory(int fd);

/* Makes the descriptor `fd` refer to the file of `other`, in one step. It is closed when another program is run. */
int lacuna_replace_descriptor(int fd, int other);

/* Gives the empty file `fd` the bytes of `source` without copying them, if the file system shares blocks. */
int lacuna_clone(int fd, int source);

/* Rename within a directory: exchange two names in one step, or rename only if the new name is free. */
int lacuna_exchange_names(int directory, const char *name, const char *other);
int lacuna_rename_new(int directory, const char *name, const char *new_name);

/* Asks the kernel to begin writing the range to the disk, if the system can. Doesn't wait, and promises nothing. */
void lacuna_begin_writeback(int fd, int64_t offset, int64_t length);

/* Waits for the writes that were begun in the range. If this reports an error, a later sync may not report it again. */
int lacuna_finish_writeback(int fd, int64_t offset, int64_t length);

/* flock(2) on a descriptor, shared or exclusive, without waiting. EWOULDBLOCK if somebody else holds the lock. */
int lacuna_lock(int fd, bool exclusive);
int lacuna_unlock(int fd);

/* The first byte at or after `offset` that is data (or a hole); ENXIO past the last one. */
int lacuna_seek_data(int fd, int64_t offset, int64_t *found);
int lacuna_seek_hole(int fd, int64_t offset, int64_t *found);

/* The calling thread's number: 0, 1, 2, ... in the order of the threads' first calls. No number is given twice. */
uint64_t lacuna_thread_number(void);

/* CRC-32C (Castagnoli; RFC 3720, appendix B.4) of `bytes`, continued from `crc` (0 to begin). */
uint32_t lacuna_crc32c(uint32_t crc, const void *bytes, size_t count);

/*
 * The checksum of SQLite's write-ahead log (sqlite.org/fileformat2.html, 4.2) over `bytes`, continued in `first` and
 * `second`. `count` is a multiple of 8.
 */
void lacuna_wal_checksum(const void *bytes, size_t count, bool big_endian, uint32_t *first, uint32_t *second);

#endif
