#ifndef LACUNA_KERNELS_H
#define LACUNA_KERNELS_H

#include "CLacunaVectorKernels.h"
#include "error_bound.h"

#include <stddef.h>

/* a . b and b . b, in double. */
typedef struct {
    double dot;
    double square;
} lacuna_exact_sums;

/*
 One way to sum queries and rows. There are `count` rows, at most LACUNA_MOST_ROWS, which begin `stride` bytes apart.
 Rows and queries need only the alignment of a float.
*/
typedef struct {
    const char *name;
    /* Compute the float32 sums of one query with each row. */
    void (*dots_and_squares)(const float *query, const char *rows, size_t stride, size_t count, size_t dimension,
                             double *dots, double *squares);
    void (*squared_distances)(const float *query, const char *rows, size_t stride, size_t count, size_t dimension,
                              double *sums);
    /* The same for `tile_queries` neighbouring queries. The sums of two queries lie LACUNA_MOST_ROWS apart. */
    size_t tile_queries;
    void (*tile_dots)(const float *queries, const char *rows, size_t stride, size_t count, size_t dimension,
                      double *dots);
    void (*tile_squared_distances)(const float *queries, const char *rows, size_t stride, size_t count,
                                   size_t dimension, double *sums);
    /* Mark each row with 1 if its sum is within the limit or not finite, and otherwise with 0. */
    void (*keep_dots)(const double *dots, const double *norms, size_t count, lacuna_dot_limit limit, uint8_t *kept);
    void (*keep_squares)(const double *squares, size_t count, double limit, uint8_t *kept);
    /* Compute sums in double, with the same bits in every kernel. */
    lacuna_exact_sums (*exact_sums)(const float *query, const float *row, size_t dimension);
    double (*exact_squared_distance)(const float *query, const float *row, size_t dimension);
} lacuna_kernel;

extern const lacuna_kernel lacuna_kernel_plain;
#if defined(__x86_64__)
extern const lacuna_kernel lacuna_kernel_avx2;
extern const lacuna_kernel lacuna_kernel_avx512;
#elif defined(__aarch64__)
extern const lacuna_kernel lacuna_kernel_neon;
#endif

/* The index-th kernel that this CPU can run, the best first; NULL after the last. */
const lacuna_kernel *lacuna_kernel_at(size_t index);

#endif
