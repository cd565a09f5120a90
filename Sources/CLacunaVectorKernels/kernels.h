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
 One way to sum queries, in float32, and rows of any element. There are `count` rows, at most LACUNA_MOST_ROWS, which
 begin `stride` bytes apart, at any address.
*/
typedef struct {
    const char *name;
    /* Compute the float32 sums of one query with each row. */
    void (*dots_and_squares)(lacuna_element element, const float *query, const char *rows, size_t stride, size_t count,
                             size_t dimension, double *dots, double *squares);
    void (*squared_distances)(lacuna_element element, const float *query, const char *rows, size_t stride,
                              size_t count, size_t dimension, double *sums);
    /* The same for `tile_queries` neighbouring queries. The sums of two queries lie LACUNA_MOST_ROWS apart. */
    size_t tile_queries;
    void (*tile_dots)(lacuna_element element, const float *queries, const char *rows, size_t stride, size_t count,
                      size_t dimension, double *dots);
    void (*tile_squared_distances)(lacuna_element element, const float *queries, const char *rows, size_t stride,
                                   size_t count, size_t dimension, double *sums);
    /* Turns each sum of squares into the row's norm: see row_norm. */
    void (*take_norms)(lacuna_metric metric, double sum_error, size_t count, double *squares);
    /* Mark each row with 1 if its sum is within the limit or not finite, and otherwise with 0. */
    void (*keep_dots)(const double *dots, const double *norms, size_t count, lacuna_dot_limit limit, uint8_t *kept);
    void (*keep_squares)(const double *squares, size_t count, double limit, uint8_t *kept);
    /* Compute sums in double, with the same bits in every kernel, and for every element that holds the same values. */
    lacuna_exact_sums (*exact_sums)(lacuna_element element, const float *query, const void *row, size_t dimension);
    double (*exact_squared_distance)(lacuna_element element, const float *query, const void *row, size_t dimension);
    /* Converts a row to float32. */
    void (*widen)(lacuna_element element, const void *row, size_t dimension, float *widened);
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
