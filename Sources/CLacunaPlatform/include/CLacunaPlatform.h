#ifndef CLACUNA_PLATFORM_H
#define CLACUNA_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* System calls whose flags or variadic forms Swift doesn't see. Each returns 0, or an errno value. */

/* Reserves disk blocks for [offset, offset + length), and extends the file's length over them where it is shorter. */
int lacuna_allocate(int fd, int64_t offset, int64_t length);

/* Gives the whole blocks in [offset, offset + length) back; the file's length stays, the range reads as zeros. */
int lacuna_punch_hole(int fd, int64_t offset, int64_t length);

/* Makes the file's bytes, and the metadata needed to read them, survive a power cut. */
int lacuna_sync(int fd);

/* Makes the names in a directory survive a power cut. */
int lacuna_sync_directory(int fd);

/* Has the descriptor `fd` lead where `other` does, in one step; it is closed when another program is run. */
int lacuna_replace_descriptor(int fd, int other);

/* Gives the empty file `fd` the bytes of `source` without copying them, where the file system shares blocks. */
int lacuna_clone(int fd, int source);

/* Renames within a directory: so that both names change in one step, or only where nobody has the new name. */
int lacuna_exchange_names(int directory, const char *name, const char *other);
int lacuna_rename_new(int directory, const char *name, const char *new_name);

/* Asks the kernel to begin writing the range to the disk, where it can be asked; waits for nothing and promises nothing. */
void lacuna_begin_writeback(int fd, int64_t offset, int64_t length);

/* Waits for what was begun in the range; an error that this reports, a later sync may not. */
int lacuna_finish_writeback(int fd, int64_t offset, int64_t length);

/* flock(2): one descriptor, shared or exclusive, never waiting. EWOULDBLOCK if somebody else holds it. */
int lacuna_lock(int fd, bool exclusive);
int lacuna_unlock(int fd);

/* The first byte at or after `offset` that is data (or a hole); ENXIO past the last one. */
int lacuna_seek_data(int fd, int64_t offset, int64_t *found);
int lacuna_seek_hole(int fd, int64_t offset, int64_t *found);

/* The calling thread's number: 0, 1, 2, ... in the order in which threads first asked; never given twice. */
uint64_t lacuna_thread_number(void);

/* CRC-32C (Castagnoli; RFC 3720, appendix B.4) of `bytes`, continued from `crc` (0 to begin). */
uint32_t lacuna_crc32c(uint32_t crc, const void *bytes, size_t count);

/*
 * The checksum of SQLite's write-ahead log (sqlite.org/fileformat2.html, 4.2) over `bytes`, continued in `first` and
 * `second`. `count` is a multiple of 8.
 */
void lacuna_wal_checksum(const void *bytes, size_t count, bool big_endian, uint32_t *first, uint32_t *second);

#endif
