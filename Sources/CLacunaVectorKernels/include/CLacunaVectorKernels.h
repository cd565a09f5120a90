#ifndef CLACUNA_VECTORKERNELS_H
#define CLACUNA_VECTORKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 Exact distances between one query and many rows of float32, in the widest vectors the CPU has.

 Every function here is pure: it allocates nothing, keeps no state, and may be called from any thread. On one machine,
 the same query and row give the same bits, whatever the batch, the alignment and the thread. Between kernels ("avx512",
 "neon", ...) the last bits may differ, since they add in different orders.
*/

/* Lower is nearer. With a the query and b the row: */
typedef enum {
    LACUNA_COSINE = 0,   /* 1 - cos(a, b), from 0 to 2; 1 if either is zero */
    LACUNA_DOT = 1,      /* -(a . b) */
    LACUNA_EUCLIDEAN = 2 /* sqrt(sum((a - b)^2)) */
} lacuna_metric;

/*
 Writes the distance from `query` to each of `count` rows into `distances`.

   query         `dimension` floats, dimension >= 1
   rows_base     the address from which offsets are counted
   row_offsets   `count` offsets in bytes, multiples of 4 from a 4-byte aligned base, in any order; a row is the
                 `dimension` floats at its offset, and no byte outside of rows is read
   distances     `count` doubles, written in the order of row_offsets

 Sums run in float32, in blocks that are added in double. A row whose sum overflows float32, or is so small (below
 2^-80) that float32 may have lost it, is computed again in double: any finite input gives a finite, correctly scaled
 distance. The distance of a row that has a NaN or an infinity (damaged bytes; lacuna_all_finite keeps them out) is
 +infinity, so that distances can always be sorted; if the query has one, that is so for every row.

 It costs one pass over the rows, at the speed of memory if they aren't in the cache; a row that is computed again costs
 about four times as much. The query's norm is computed once for each call, so pass many rows.
*/
void lacuna_distances(lacuna_metric metric, const float *query, size_t dimension, const void *rows_base,
                      const int64_t *row_offsets, size_t count, double *distances);

/*
 Whether none of `count` floats is a NaN or an infinity. If false, *first_bad is the index of the first that is; if
 true, *first_bad is left as it was. Subnormals and zeros of either sign are finite.
*/
bool lacuna_all_finite(const float *values, size_t count, size_t *first_bad);

/* The kernel that lacuna_distances uses on this CPU: "avx512", "avx2", "neon" or "plain". A constant; never freed. */
const char *lacuna_kernel_name(void);

/* How many kernels this CPU can run. Kernel 0 is the one in use, the last is "plain"; so at least 1. */
size_t lacuna_kernel_count(void);

/* The name of kernel `kernel`, which must be below lacuna_kernel_count(); traps if it isn't. */
const char *lacuna_kernel_name_at(size_t kernel);

/* lacuna_distances by kernel `kernel`, which must be below lacuna_kernel_count(); traps if it isn't. */
void lacuna_distances_with(size_t kernel, lacuna_metric metric, const float *query, size_t dimension,
                           const void *rows_base, const int64_t *row_offsets, size_t count, double *distances);

#endif
