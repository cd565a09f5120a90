#ifndef CLACUNA_VECTORKERNELS_H
#define CLACUNA_VECTORKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 Exact search in two steps: float32 sums, in the widest vectors of the CPU, show which rows can be near enough; then the
 distances of these rows are computed in double. Queries are in float32. Rows are of any element, and their values are
 exact in float32.

 Every function here is pure: it allocates nothing, keeps no state, and may be called from any thread.
*/

/* Lower is nearer. With a the query and b the row: */
typedef enum {
    LACUNA_COSINE = 0,   /* 1 - cos(a, b), from 0 to 2; 1 if either is zero */
    LACUNA_DOT = 1,      /* -(a . b) */
    LACUNA_EUCLIDEAN = 2 /* sqrt(sum((a - b)^2)) */
} lacuna_metric;

/* The type of a row's components. Rows may begin at any address. */
typedef enum {
    LACUNA_FLOAT32 = 0, /* IEEE 754 binary32 */
    LACUNA_FLOAT16 = 1, /* IEEE 754 binary16 */
    LACUNA_INT8 = 2     /* two's complement */
} lacuna_element;

/*
 The distance between a query and a row of `dimension` components. `query_square` is lacuna_square of the query.

 The sums are made in double, without fused multiplications, in an order that depends only on the dimension. So the bits
 are the same on every machine, with every kernel, and with every element that holds the same values, in the
 floating-point mode that processes begin with (rounding to nearest, subnormals kept). Every finite input gives a finite distance. The cosine distance of
 equal vectors is exactly 0. A row with a NaN or an infinity (damaged bytes; lacuna_all_finite keeps them out) is at
 +infinity, so distances always sort; if the query has one, every row is at +infinity.
*/
double lacuna_distance(lacuna_metric metric, const float *query, double query_square, lacuna_element element,
                       const void *row, size_t dimension);

/* The sum of the squares of `dimension` floats, in double. */
double lacuna_square(const float *values, size_t dimension);

/* The largest error of float32 sums, as a share of the product of the norms or of the square: see error_bound.h. */
#define LACUNA_SUM_ERROR 4.29e-6

enum {
    /* The largest number of rows in one call. */
    LACUNA_MOST_ROWS = 256,
    /* The largest number of queries that a kernel takes at a time. */
    LACUNA_MOST_TILE_QUERIES = 4
};

/* The queries of a search. */
typedef struct {
    lacuna_metric metric;
    size_t dimension;      /* 1 to 65,536 */
    size_t count;          /* of queries */
    const float *values;   /* the queries, one after the other */
    const double *squares; /* lacuna_square of each */
    double sum_error;      /* LACUNA_SUM_ERROR; a lower number loses rows */
    lacuna_element element; /* of the rows */
} lacuna_queries;

/* The indexes of a query and of a row that may be within the query's limit. */
typedef struct {
    double bound; /* the row's distance is at least this; -infinity if nothing is known */
    uint32_t query;
    uint32_t row;
} lacuna_candidate;

/* Lets the CPU fetch bytes that are read soon. */
static inline void lacuna_prefetch(const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i += 64) __builtin_prefetch((const char *)bytes + i);
}

/*
 Writes the rows whose distance to a query may be at most the query's limit, and returns their number. A row that is
 left out has a distance above the limit.

   rows         the first of `count` rows, at most LACUNA_MOST_ROWS, `stride` bytes apart; no byte outside them is read
   limits       the largest allowed distance of each query
   candidates   has room for `count` candidates of each query

 Reads the rows once. With one query, rows outside of the cache take as long as reading their memory; with several
 queries, computing the sums takes longer.
*/
size_t lacuna_candidates(const lacuna_queries *queries, const void *rows, size_t stride, size_t count,
                         const double *limits, lacuna_candidate *candidates);

/*
 Whether none of `count` floats is a NaN or an infinity. If false, *first_bad is the index of the first that is; if
 true, *first_bad is left as it was. Subnormals and zeros of either sign are finite.
*/
bool lacuna_all_finite(const float *values, size_t count, size_t *first_bad);

/* Converts `count` components to float32. The result is exact, except that the payload of a NaN may change. */
void lacuna_widen(lacuna_element element, const void *values, size_t count, float *widened);

/*
 Converts `count` floats to an element. Float16 rounds to nearest, ties to even, and refuses what would become infinite;
 int8 takes only whole numbers from -128 to 127. If a float is refused, returns false: *first_bad is the index of the
 first, and nothing was written.
*/
bool lacuna_narrow(lacuna_element element, const float *values, size_t count, void *narrowed, size_t *first_bad);

/* The kernel in use on this CPU: "avx512", "avx2", "neon" or "plain". It is a constant and never freed. */
const char *lacuna_kernel_name(void);

/* The number of kernels that this CPU can run, at least 1. Kernel 0 is in use, and the last is "plain". */
size_t lacuna_kernel_count(void);

/* The name of kernel `kernel`, which must be below lacuna_kernel_count(); traps if it isn't. */
const char *lacuna_kernel_name_at(size_t kernel);

/* The functions above with kernel `kernel`, which must be below lacuna_kernel_count(); they trap if it isn't. */
double lacuna_distance_with(size_t kernel, lacuna_metric metric, const float *query, double query_square,
                            lacuna_element element, const void *row, size_t dimension);
double lacuna_square_with(size_t kernel, const float *values, size_t dimension);
size_t lacuna_candidates_with(size_t kernel, const lacuna_queries *queries, const void *rows, size_t stride,
                              size_t count, const double *limits, lacuna_candidate *candidates);
void lacuna_widen_with(size_t kernel, lacuna_element element, const void *values, size_t count, float *widened);

#include "lacuna_codes.h"

#endif
