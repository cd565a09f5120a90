/*
 The sums of one kernel, in the compiler's own vectors of 16 floats, which it turns into the target's vectors.

 A kernel's file defines NAME (its name, as a string), SYMBOL (the kernel's), TARGET (the attribute of its functions)
 and TILE_ROWS and TILE_QUERIES (the rows and queries whose sums fit into the target's registers), then includes this
 file. It defines CONVERTS_HALVES if the target has an instruction that converts float16 to float32.

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
typedef double four_doubles __attribute__((vector_size(4 * sizeof(double))));
typedef double doubles __attribute__((vector_size(8 * sizeof(double))));
typedef uint16_t half_bits __attribute__((vector_size(LANES * sizeof(uint16_t))));
typedef int8_t bytes __attribute__((vector_size(LANES)));

/*
 The type of the components is constant in each inlined call of a function with a parameter `element`. This compiles
 the call for each type.
*/
#define FOR_EACH_ELEMENT(element, function, ...)                                                                       \
    switch (element) {                                                                                                 \
    case LACUNA_FLOAT32: return function(LACUNA_FLOAT32, __VA_ARGS__);                                                 \
    case LACUNA_FLOAT16: return function(LACUNA_FLOAT16, __VA_ARGS__);                                                 \
    case LACUNA_INT8: return function(LACUNA_INT8, __VA_ARGS__);                                                       \
    }                                                                                                                  \
    __builtin_trap()

INLINE size_t bytes_of(const lacuna_element element) {
    return element == LACUNA_FLOAT32 ? sizeof(float) : element == LACUNA_FLOAT16 ? sizeof(uint16_t) : sizeof(int8_t);
}

INLINE const char *component(const lacuna_element element, const void *values, size_t i) {
    return (const char *)values + i * bytes_of(element);
}

#ifdef CONVERTS_HALVES
typedef _Float16 halves __attribute__((vector_size(LANES * sizeof(_Float16))));

INLINE floats widened(half_bits bits) { return __builtin_convertvector((halves)bits, floats); }
#else
/* The exponents' biases are 15 and 127. No float here is subnormal, so a process that flushes these gets the same. */
INLINE floats widened(half_bits bits) {
    const ints wide = __builtin_convertvector(bits, ints);
    const ints magnitude = (wide & 0x7FFF) << 13;
    const ints most = (magnitude >= 31 << 23) & (112 << 23); /* an infinity or a NaN */
    const ints normal = magnitude + (112 << 23) + most;
    const ints small = (ints)((floats)(magnitude + (113 << 23)) - 0x1p-14f);
    const ints is_small = magnitude < 1 << 23;
    return (floats)((small & is_small) | (normal & ~is_small) | (wide & 0x8000) << 16);
}
#endif

/* Loads 16 neighbouring components. Each value of each type is exact in float32. */
INLINE floats load(const lacuna_element element, const void *values) {
    if (element == LACUNA_FLOAT16) {
        half_bits loaded;
        memcpy(&loaded, values, sizeof loaded);
        return widened(loaded);
    }
    if (element == LACUNA_INT8) {
        bytes loaded;
        memcpy(&loaded, values, sizeof loaded);
        return __builtin_convertvector(loaded, floats);
    }
    floats loaded;
    memcpy(&loaded, values, sizeof loaded);
    return loaded;
}

/* Loads fewer than 16 neighbouring components, and zeros in the other lanes. */
INLINE floats load_some(const lacuna_element element, const void *values, size_t count) {
    char some[LANES * sizeof(float)] = {0};
    for (size_t j = 0; j < count; j++) {
        memcpy(some + j * bytes_of(element), component(element, values, j), bytes_of(element));
    }
    return load(element, some);
}

/*
 Loads the components from `i`, a multiple of 16, to the end of the row, and zeros in the other lanes. If the row has 16
 or more components, loads its last 16 and sets those that were added before to zero. `values` is the whole row.
*/
INLINE floats load_end(const lacuna_element element, const void *values, size_t i, size_t dimension) {
    if (dimension < LANES) return load_some(element, component(element, values, i), dimension - i);
    const ints lane = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const ints kept = lane >= (int32_t)(LANES - (dimension - i));
    return (floats)((ints)load(element, component(element, values, dimension - LANES)) & kept);
}

INLINE float total(floats sums) {
    const eight_floats eight = __builtin_shufflevector(sums, sums, 0, 1, 2, 3, 4, 5, 6, 7) +
                               __builtin_shufflevector(sums, sums, 8, 9, 10, 11, 12, 13, 14, 15);
    const four_floats four =
        __builtin_shufflevector(eight, eight, 0, 1, 2, 3) + __builtin_shufflevector(eight, eight, 4, 5, 6, 7);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

/* Adds up four vectors at a time as `total` does, with fewer instructions. */
INLINE four_floats four_totals(const floats sums[4]) {
    floats halves[2];
    UNROLL for (size_t j = 0; j < 2; j++) {
        const floats a = sums[2 * j], b = sums[2 * j + 1];
        halves[j] = __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) +
                    __builtin_shufflevector(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
    }
    const floats a = halves[0], b = halves[1];
    const floats fours = __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) +
                         __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
    const floats twos =
        fours + __builtin_shufflevector(fours, fours, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
    const floats ones =
        twos + __builtin_shufflevector(twos, twos, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
    return __builtin_shufflevector(ones, ones, 0, 4, 8, 12);
}

INLINE void add_totals(const floats *sums, const size_t count, double *totals) {
    if (count == 4) {
        const four_doubles all = __builtin_convertvector(four_totals(sums), four_doubles);
        UNROLL for (size_t j = 0; j < 4; j++) totals[j] += all[j];
        return;
    }
    UNROLL for (size_t j = 0; j < count; j++) totals[j] += total(sums[j]);
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
INLINE void sum_row(const lacuna_element element, const terms kind, const float *query, const char *row,
                    size_t dimension, double *sum, double *square) {
    *sum = 0;
    *square = 0;
    for (size_t start = 0; start < dimension; start += BLOCK) {
        const size_t end = dimension - start < BLOCK ? dimension : start + BLOCK;
        floats sums[4] = {{0}};
        floats squares[4] = {{0}};
        size_t i = start;
        for (; end - i >= 4 * LANES; i += 4 * LANES) {
            UNROLL for (size_t j = 0; j < 4; j++) {
                const char *values = component(element, row, i + j * LANES);
                if (j * LANES * bytes_of(element) % CACHE_LINE_BYTES == 0) __builtin_prefetch(values + AHEAD_BYTES);
                add(kind, load(LACUNA_FLOAT32, query + i + j * LANES), load(element, values), &sums[j], &squares[j]);
            }
        }
        for (; end - i >= LANES; i += LANES) {
            const char *values = component(element, row, i);
            __builtin_prefetch(values + AHEAD_BYTES);
            add(kind, load(LACUNA_FLOAT32, query + i), load(element, values), &sums[0], &squares[0]);
        }
        if (i < end) {
            add(kind, load_end(LACUNA_FLOAT32, query, i, end), load_end(element, row, i, end), &sums[1], &squares[1]);
        }
        *sum += total((sums[0] + sums[1]) + (sums[2] + sums[3]));
        if (kind == DOT_AND_SQUARE) *square += total((squares[0] + squares[1]) + (squares[2] + squares[3]));
    }
}

/* One step of sum_tile, for 16 components, or for fewer at the end of the rows. */
INLINE void add_tile(const lacuna_element element, const terms kind, const bool is_end, const size_t query_count,
                     const size_t row_count, const float *queries, const char *rows, size_t stride, size_t dimension,
                     size_t i, size_t end, floats sums[TILE_QUERIES][TILE_ROWS], floats squares[TILE_ROWS]) {
    floats row[TILE_ROWS];
    UNROLL for (size_t j = 0; j < row_count; j++) {
        const char *values = rows + j * stride;
        /* Prefetches in the order of the addresses. */
        if (query_count == 1 && !is_end && j * LANES * bytes_of(element) % CACHE_LINE_BYTES == 0) {
            __builtin_prefetch(component(element, rows, i * row_count + j * LANES) + AHEAD_BYTES);
        }
        row[j] = is_end ? load_end(element, values, i, end) : load(element, component(element, values, i));
    }
    UNROLL for (size_t k = 0; k < query_count; k++) {
        const float *values = queries + k * dimension;
        const floats query = is_end ? load_end(LACUNA_FLOAT32, values, i, end) : load(LACUNA_FLOAT32, values + i);
        UNROLL for (size_t j = 0; j < row_count; j++) add(kind, query, row[j], &sums[k][j], &squares[j]);
    }
}

/* Sums a few rows with a few queries. Each row and each query is loaded once for all of these sums. */
INLINE void sum_tile(const lacuna_element element, const terms kind, const size_t query_count, const size_t row_count,
                     const float *queries, const char *rows, size_t stride, size_t dimension, double *sums,
                     double *squares) {
    UNROLL for (size_t k = 0; k < query_count; k++) {
        UNROLL for (size_t j = 0; j < row_count; j++) sums[k * LACUNA_MOST_ROWS + j] = 0;
    }
    if (kind == DOT_AND_SQUARE) {
        UNROLL for (size_t j = 0; j < row_count; j++) squares[j] = 0;
    }
    for (size_t start = 0; start < dimension; start += BLOCK) {
        const size_t end = dimension - start < BLOCK ? dimension : start + BLOCK;
        floats partial[TILE_QUERIES][TILE_ROWS] = {{{0}}};
        floats partial_squares[TILE_ROWS] = {{0}};
        size_t i = start;
        for (; end - i >= LANES; i += LANES) {
            add_tile(element, kind, false, query_count, row_count, queries, rows, stride, dimension, i, end, partial,
                     partial_squares);
        }
        if (i < end) {
            add_tile(element, kind, true, query_count, row_count, queries, rows, stride, dimension, i, end, partial,
                     partial_squares);
        }
        UNROLL for (size_t k = 0; k < query_count; k++) {
            add_totals(partial[k], row_count, sums + k * LACUNA_MOST_ROWS);
        }
        if (kind == DOT_AND_SQUARE) add_totals(partial_squares, row_count, squares);
    }
}

INLINE void sum_rows(const lacuna_element element, const terms kind, const float *query, const char *rows,
                     size_t stride, size_t count, size_t dimension, double *sums, double *squares) {
    size_t i = 0;
    /* Rows that are summed together must have been prefetched together. */
    for (; stride * TILE_ROWS <= AHEAD_BYTES && count - i >= TILE_ROWS; i += TILE_ROWS) {
        sum_tile(element, kind, 1, TILE_ROWS, query, rows + i * stride, stride, dimension, sums + i,
                 kind == DOT_AND_SQUARE ? squares + i : NULL);
    }
    for (; i < count; i++) {
        double square;
        sum_row(element, kind, query, rows + i * stride, dimension, &sums[i], &square);
        if (kind == DOT_AND_SQUARE) squares[i] = square;
    }
}

TARGET static void dots_and_squares(lacuna_element element, const float *query, const char *rows, size_t stride,
                                    size_t count, size_t dimension, double *dots, double *squares) {
    FOR_EACH_ELEMENT(element, sum_rows, DOT_AND_SQUARE, query, rows, stride, count, dimension, dots, squares);
}

TARGET static void squared_distances(lacuna_element element, const float *query, const char *rows, size_t stride,
                                     size_t count, size_t dimension, double *sums) {
    FOR_EACH_ELEMENT(element, sum_rows, SQUARED_DIFFERENCE, query, rows, stride, count, dimension, sums, NULL);
}

INLINE void sum_tiles(const lacuna_element element, const terms kind, const float *queries, const char *rows,
                      size_t stride, size_t count, size_t dimension, double *sums) {
    size_t i = 0;
    for (; count - i >= TILE_ROWS; i += TILE_ROWS) {
        sum_tile(element, kind, TILE_QUERIES, TILE_ROWS, queries, rows + i * stride, stride, dimension, sums + i,
                 NULL);
    }
    for (; i < count; i++) {
        sum_tile(element, kind, TILE_QUERIES, 1, queries, rows + i * stride, stride, dimension, sums + i,
                 NULL);
    }
}

TARGET static void tile_dots(lacuna_element element, const float *queries, const char *rows, size_t stride,
                             size_t count, size_t dimension, double *dots) {
    FOR_EACH_ELEMENT(element, sum_tiles, DOT, queries, rows, stride, count, dimension, dots);
}

TARGET static void tile_squared_distances(lacuna_element element, const float *queries, const char *rows,
                                          size_t stride, size_t count, size_t dimension, double *sums) {
    FOR_EACH_ELEMENT(element, sum_tiles, SQUARED_DIFFERENCE, queries, rows, stride, count, dimension, sums);
}

/* Turns each sum of squares into the row's norm. */
TARGET static void take_norms(lacuna_metric metric, double sum_error, size_t count, double *squares) {
    if (metric == LACUNA_COSINE) {
        for (size_t i = 0; i < count; i++) squares[i] = row_norm(LACUNA_COSINE, squares[i], sum_error);
    } else {
        for (size_t i = 0; i < count; i++) squares[i] = row_norm(LACUNA_DOT, squares[i], sum_error);
    }
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
INLINE doubles load_in_double(const lacuna_element element, const void *values, size_t count) {
    const floats loaded = count < 8 ? load_some(element, values, count) : load_some(element, values, 8);
    return __builtin_convertvector(__builtin_shufflevector(loaded, loaded, 0, 1, 2, 3, 4, 5, 6, 7), doubles);
}

INLINE double total_in_double(doubles sums) {
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

/* Sums in double. Eight lanes, and no fused multiplications, make the bits the same in every kernel. */
INLINE lacuna_exact_sums sum_exactly(const lacuna_element element, const float *query, const void *row,
                                     size_t dimension) {
#pragma STDC FP_CONTRACT OFF
    doubles dots = {0};
    doubles squares = {0};
    for (size_t i = 0; i < dimension; i += 8) {
        const doubles a = load_in_double(LACUNA_FLOAT32, query + i, dimension - i);
        const doubles b = load_in_double(element, component(element, row, i), dimension - i);
        dots = dots + a * b;
        squares = squares + b * b;
    }
    return (lacuna_exact_sums){.dot = total_in_double(dots), .square = total_in_double(squares)};
}

INLINE double sum_differences_exactly(const lacuna_element element, const float *query, const void *row,
                                      size_t dimension) {
#pragma STDC FP_CONTRACT OFF
    doubles sums = {0};
    for (size_t i = 0; i < dimension; i += 8) {
        const doubles a = load_in_double(LACUNA_FLOAT32, query + i, dimension - i);
        const doubles apart = a - load_in_double(element, component(element, row, i), dimension - i);
        sums = sums + apart * apart;
    }
    return total_in_double(sums);
}

TARGET static lacuna_exact_sums exact_sums(lacuna_element element, const float *query, const void *row,
                                           size_t dimension) {
    FOR_EACH_ELEMENT(element, sum_exactly, query, row, dimension);
}

TARGET static double exact_squared_distance(lacuna_element element, const float *query, const void *row,
                                            size_t dimension) {
    FOR_EACH_ELEMENT(element, sum_differences_exactly, query, row, dimension);
}

/* Converts each component to float32. */
INLINE void widen_row(const lacuna_element element, const void *row, size_t dimension, float *floats_of_row) {
    size_t i = 0;
    for (; dimension - i >= LANES; i += LANES) {
        const floats loaded = load(element, component(element, row, i));
        memcpy(floats_of_row + i, &loaded, sizeof loaded);
    }
    const floats rest = load_some(element, component(element, row, i), dimension - i);
    memcpy(floats_of_row + i, &rest, (dimension - i) * sizeof(float));
}

TARGET static void widen(lacuna_element element, const void *row, size_t dimension, float *floats_of_row) {
    FOR_EACH_ELEMENT(element, widen_row, row, dimension, floats_of_row);
}

const lacuna_kernel SYMBOL = {.name = NAME,
                              .tile_queries = TILE_QUERIES,
                              .dots_and_squares = dots_and_squares,
                              .squared_distances = squared_distances,
                              .tile_dots = tile_dots,
                              .tile_squared_distances = tile_squared_distances,
                              .take_norms = take_norms,
                              .keep_dots = keep_dots,
                              .keep_squares = keep_squares,
                              .exact_sums = exact_sums,
                              .exact_squared_distance = exact_squared_distance,
                              .widen = widen};
