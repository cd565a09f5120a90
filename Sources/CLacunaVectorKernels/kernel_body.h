/*
 The sums of one kernel, in the compiler's own vectors of 16 floats, which it turns into the target's vectors.

 A kernel's file defines NAME (its name, as a string), SYMBOL (the kernel's), TARGET (the attribute of its functions)
 and TILE_ROWS and TILE_QUERIES (the rows and queries whose sums fit into the target's registers), then includes this
 file.

 A vector holds neighbouring components, so each of its lanes adds up every 16th component. No byte past a row or a
 query is read.
*/
#include "kernels.h"

#ifdef __FAST_MATH__
#error "the kernels need IEEE 754 arithmetic: build without -ffast-math"
#endif

#include <float.h>
#include <stdint.h>
#include <string.h>

/* The compiler warns of vectors that are passed in memory, but every function that takes a vector is inlined. */
#pragma clang diagnostic ignored "-Wpsabi"

#define INLINE TARGET static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

enum {
    LANES = 16,
    /* Float32 sums are cut into blocks, and the blocks are added in double: see error_bound.h. */
    BLOCK = 1024,
    /* The distance from the bytes that are read to those that are prefetched. */
    AHEAD_BYTES = 4096,
    CACHE_LINE_BYTES = 64
};

typedef float floats __attribute__((vector_size(LANES * sizeof(float))));
typedef int32_t ints __attribute__((vector_size(LANES * sizeof(int32_t))));
typedef float eight_floats __attribute__((vector_size(8 * sizeof(float))));
typedef float four_floats __attribute__((vector_size(4 * sizeof(float))));
typedef double doubles __attribute__((vector_size(8 * sizeof(double))));

INLINE floats load(const float *values) {
    floats loaded;
    memcpy(&loaded, values, sizeof loaded);
    return loaded;
}

/*
 Loads the components from `i`, a multiple of 16, to the end of the row, and zeros in the other lanes. If the row has 16
 or more components, loads its last 16 and sets those that were added before to zero. `values` is the whole row.
*/
INLINE floats load_end(const float *values, size_t i, size_t dimension) {
    floats loaded = {0};
    if (dimension < LANES) {
        for (size_t j = i; j < dimension; j++) loaded[j - i] = values[j];
        return loaded;
    }
    const ints lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const ints kept = lane >= (int32_t)(LANES - (dimension - i));
    loaded = load(values + dimension - LANES);
    return (floats)((ints)loaded & kept);
}

INLINE float total(floats sums) {
    const eight_floats eight = __builtin_shufflevector(sums, sums, 0, 1, 2, 3, 4, 5, 6, 7) +
                               __builtin_shufflevector(sums, sums, 8, 9, 10, 11, 12, 13, 14, 15);
    const four_floats four =
        __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

/* The terms that are added up for a row and a query. It is constant in each inlined call, so no branch is left. */
typedef enum { DOT, DOT_AND_SQUARE, SQUARED_DIFFERENCE } terms;

INLINE void add(const terms kind, floats query, floats row, floats *sum, floats *square) {
    if (kind == SQUARED_DIFFERENCE) {
        const floats apart = query - row;
        *sum += apart * apart;
    } else {
        *sum += query * row;
        if (kind == DOT_AND_SQUARE) *square += row * row;
    }
}

/* Sums one row and one query in four vectors, so that an addition need not wait for the one before. */
INLINE void sum_row(const terms kind, const float *query, const float *row, size_t dimension, double *sum,
                    double *square) {
    *sum = 0;
    *square = 0;
    for (size_t start = 0; start < dimension; start += BLOCK) {
        const size_t end = dimension - start < BLOCK ? dimension : start + BLOCK;
        floats sums[4] = {{0}};
        floats squares[4] = {{0}};
        size_t i = start;
        for (; end - i >= 4 * LANES; i += 4 * LANES) {
            UNROLL for (size_t j = 0; j < 4; j++) {
                __builtin_prefetch((const char *)(row + i + j * LANES) + AHEAD_BYTES);
                add(kind, load(query + i + j * LANES), load(row + i + j * LANES), &sums[j], &squares[j]);
            }
        }
        for (; end - i >= LANES; i += LANES) {
            __builtin_prefetch((const char *)(row + i) + AHEAD_BYTES);
            add(kind, load(query + i), load(row + i), &sums[0], &squares[0]);
        }
        if (i < end) add(kind, load_end(query, i, end), load_end(row, i, end), &sums[1], &squares[1]);
        *sum += total((sums[0] + sums[1]) + (sums[2] + sums[3]));
        if (kind == DOT_AND_SQUARE) *square += total((squares[0] + squares[1]) + (squares[2] + squares[3]));
    }
}

/* One step of sum_tile, for 16 components, or for fewer at the end of the rows. */
INLINE void add_tile(const terms kind, const bool is_end, const size_t query_count, const size_t row_count,
                     const float *queries, const char *rows, size_t stride, size_t dimension, size_t i, size_t end,
                     floats sums[TILE_QUERIES][TILE_ROWS]) {
    floats row[TILE_ROWS];
    UNROLL for (size_t j = 0; j < row_count; j++) {
        const float *values = (const float *)(const void *)(rows + j * stride);
        row[j] = is_end ? load_end(values, i, end) : load(values + i);
    }
    UNROLL for (size_t k = 0; k < query_count; k++) {
        const float *values = queries + k * dimension;
        const floats query = is_end ? load_end(values, i, end) : load(values + i);
        UNROLL for (size_t j = 0; j < row_count; j++) add(kind, query, row[j], &sums[k][j], NULL);
    }
}

/* Sums a few rows with a few queries. Each row and each query is loaded once for all of these sums. */
INLINE void sum_tile(const terms kind, const size_t query_count, const size_t row_count, const float *queries,
                     const char *rows, size_t stride, size_t dimension, double *sums) {
    UNROLL for (size_t k = 0; k < query_count; k++) {
        UNROLL for (size_t j = 0; j < row_count; j++) sums[k * LACUNA_MOST_ROWS + j] = 0;
    }
    for (size_t start = 0; start < dimension; start += BLOCK) {
        const size_t end = dimension - start < BLOCK ? dimension : start + BLOCK;
        floats partial[TILE_QUERIES][TILE_ROWS] = {{{0}}};
        size_t i = start;
        for (; end - i >= LANES; i += LANES) {
            add_tile(kind, false, query_count, row_count, queries, rows, stride, dimension, i, end, partial);
        }
        if (i < end) add_tile(kind, true, query_count, row_count, queries, rows, stride, dimension, i, end, partial);
        UNROLL for (size_t k = 0; k < query_count; k++) {
            UNROLL for (size_t j = 0; j < row_count; j++) sums[k * LACUNA_MOST_ROWS + j] += total(partial[k][j]);
        }
    }
}

TARGET static void dots_and_squares(const float *query, const char *rows, size_t stride, size_t count,
                                    size_t dimension, double *dots, double *squares) {
    for (size_t i = 0; i < count; i++) {
        sum_row(DOT_AND_SQUARE, query, (const float *)(const void *)(rows + i * stride), dimension, &dots[i],
                &squares[i]);
    }
}

TARGET static void squared_distances(const float *query, const char *rows, size_t stride, size_t count,
                                     size_t dimension, double *sums) {
    double none;
    for (size_t i = 0; i < count; i++) {
        sum_row(SQUARED_DIFFERENCE, query, (const float *)(const void *)(rows + i * stride), dimension, &sums[i],
                &none);
    }
}

INLINE void sum_tiles(const terms kind, const float *queries, const char *rows, size_t stride, size_t count,
                      size_t dimension, double *sums) {
    size_t i = 0;
    for (; count - i >= TILE_ROWS; i += TILE_ROWS) {
        sum_tile(kind, TILE_QUERIES, TILE_ROWS, queries, rows + i * stride, stride, dimension, sums + i);
    }
    for (; i < count; i++) {
        sum_tile(kind, TILE_QUERIES, 1, queries, rows + i * stride, stride, dimension, sums + i);
    }
}

TARGET static void tile_dots(const float *queries, const char *rows, size_t stride, size_t count, size_t dimension,
                             double *dots) {
    sum_tiles(DOT, queries, rows, stride, count, dimension, dots);
}

TARGET static void tile_squared_distances(const float *queries, const char *rows, size_t stride, size_t count,
                                          size_t dimension, double *sums) {
    sum_tiles(SQUARED_DIFFERENCE, queries, rows, stride, count, dimension, sums);
}

/* Marks the rows whose dot product is at least their limit, or is not finite. */
TARGET static void keep_dots(const double *dots, const double *norms, size_t count, lacuna_dot_limit limit,
                             uint8_t *kept) {
    for (size_t i = 0; i < count; i++) {
        kept[i] = !(dots[i] < limit.base + limit.per_norm * norms[i] && dots[i] >= -DBL_MAX);
    }
}

/* Marks the rows whose squared distance is at most the limit, or is not finite. */
TARGET static void keep_squares(const double *squares, size_t count, double limit, uint8_t *kept) {
    for (size_t i = 0; i < count; i++) kept[i] = !(squares[i] > limit && squares[i] <= DBL_MAX);
}

/* Loads eight components as doubles, with zeros after the end. */
INLINE doubles load_in_double(const float *values, size_t count) {
    eight_floats loaded = {0};
    if (count >= 8) {
        memcpy(&loaded, values, sizeof loaded);
    } else {
        for (size_t j = 0; j < count; j++) loaded[j] = values[j];
    }
    return __builtin_convertvector(loaded, doubles);
}

INLINE double total_in_double(doubles sums) {
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

/* Sums in double. Eight lanes, and no fused multiplications, make the bits the same in every kernel. */
TARGET static lacuna_exact_sums exact_sums(const float *query, const float *row, size_t dimension) {
#pragma STDC FP_CONTRACT OFF
    doubles dots = {0};
    doubles squares = {0};
    for (size_t i = 0; i < dimension; i += 8) {
        const doubles a = load_in_double(query + i, dimension - i);
        const doubles b = load_in_double(row + i, dimension - i);
        dots = dots + a * b;
        squares = squares + b * b;
    }
    return (lacuna_exact_sums){.dot = total_in_double(dots), .square = total_in_double(squares)};
}

TARGET static double exact_squared_distance(const float *query, const float *row, size_t dimension) {
#pragma STDC FP_CONTRACT OFF
    doubles sums = {0};
    for (size_t i = 0; i < dimension; i += 8) {
        const doubles apart = load_in_double(query + i, dimension - i) - load_in_double(row + i, dimension - i);
        sums = sums + apart * apart;
    }
    return total_in_double(sums);
}

const lacuna_kernel SYMBOL = {.name = NAME,
                              .tile_queries = TILE_QUERIES,
                              .dots_and_squares = dots_and_squares,
                              .squared_distances = squared_distances,
                              .tile_dots = tile_dots,
                              .tile_squared_distances = tile_squared_distances,
                              .keep_dots = keep_dots,
                              .keep_squares = keep_squares,
                              .exact_sums = exact_sums,
                              .exact_squared_distance = exact_squared_distance};
