#ifndef CLACUNA_VECTORKERNELS_H
#define CLACUNA_VECTORKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 Exact search among rows of float32, in two steps: sums in float32, in the widest vectors that the CPU has, tell which rows
 can be near enough; the distance of such a row is then computed in double.

 Every function here is pure: it allocates nothing, keeps no state, and may be called from any thread.
*/

/* Lower is nearer. With a the query and b the row: */
typedef enum {
    LACUNA_COSINE = 0,   /* 1 - cos(a, b), from 0 to 2; 1 where either is zero */
    LACUNA_DOT = 1,      /* -(a . b) */
    LACUNA_EUCLIDEAN = 2 /* sqrt(sum((a - b)^2)) */
} lacuna_metric;

/*
 The distance between a query and a row of `dimension` floats, whose alignment need be no more than a float's.
 `query_square` is lacuna_square of the query.

 The sums run in double, in an order that depends on the dimension alone, without fused multiplications: the bits are the
 same on every machine, whatever its kernel. Every finite input gives a finite distance, and a cosine distance of exactly
 0 for rows alike. A row that holds a NaN or an infinity (damaged bytes; lacuna_all_finite keeps them out) is at
 +infinity, so that distances always sort; so is every row if the query holds one.
*/
double lacuna_distance(lacuna_metric metric, const float *query, double query_square, const float *row,
                       size_t dimension);

/* The sum of the squares of `dimension` floats, in double. */
double lacuna_square(const float *values, size_t dimension);

/* As far as float32 sums may be from the distances above, as a share of the norms or of the square: see error_bound.h. */
#define LACUNA_SUM_ERROR 4.29e-6

enum {
    /* The most rows of one call. */
    LACUNA_MOST_ROWS = 256,
    /* No kernel takes more queries than that at a time. */
    LACUNA_MOST_TILE_QUERIES = 4
};

/* What is searched for. */
typedef struct {
    lacuna_metric metric;
    size_t dimension;      /* 1 to 65,536 */
    size_t count;          /* of queries */
    const float *values;   /* the queries, one after the other */
    const double *squares; /* lacuna_square of each */
    double sum_error;      /* LACUNA_SUM_ERROR; less loses rows */
} lacuna_queries;

/* A row that may be as near to a query as its limit, by their indexes. */
typedef struct {
    double bound; /* the row's distance is at least this; -infinity where nothing is known */
    uint32_t query;
    uint32_t row;
} lacuna_candidate;

/*
 Writes the rows whose distance to a query may be at most its limit, and returns how many there are. A row that is left
 out has a distance above the limit.

   rows         the first of `count` rows, at most LACUNA_MOST_ROWS, `stride` bytes apart; no byte outside them is read
   limits       for each query the distance that a row may have at most
   candidates   has room for `count` candidates of each query

 Costs one pass over the rows, at the speed of memory once they are out of cache; with several queries, the sums.
*/
size_t lacuna_candidates(const lacuna_queries *queries, const void *rows, size_t stride, size_t count,
                         const double *limits, lacuna_candidate *candidates);

/*
 Whether none of `count` floats is a NaN or an infinity. If false, *first_bad is the index of the first that is; if
 true, *first_bad is left as it was. Subnormals and zeros of either sign are finite.
*/
bool lacuna_all_finite(const float *values, size_t count, size_t *first_bad);

/* The kernel in use on this CPU: "avx512", "avx2", "neon" or "plain". A constant; never freed. */
const char *lacuna_kernel_name(void);

/* How many kernels this CPU can run. Kernel 0 is the one in use, the last is "plain"; so at least 1. */
size_t lacuna_kernel_count(void);

/* The name of kernel `kernel`, which must be below lacuna_kernel_count(); traps if it isn't. */
const char *lacuna_kernel_name_at(size_t kernel);

/* The functions above by kernel `kernel`, which must be below lacuna_kernel_count(); trap if it isn't. */
double lacuna_distance_with(size_t kernel, lacuna_metric metric, const float *query, double query_square,
                            const float *row, size_t dimension);
double lacuna_square_with(size_t kernel, const float *values, size_t dimension);
size_t lacuna_candidates_with(size_t kernel, const lacuna_queries *queries, const void *rows, size_t stride,
                              size_t count, const double *limits, lacuna_candidate *candidates);

#endif
