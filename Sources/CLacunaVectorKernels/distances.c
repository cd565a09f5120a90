#include "CLacunaVectorKernels.h"
#include "kernels.h"

#include <math.h>

/*
 Float32 sums are cut into blocks, and the blocks are added in double. So a lane makes at most 64 additions, and its
 rounding errors stay below a millionth of the sum, however long the row is.
*/
enum { BLOCK = 1024 };

/*
 A float32 sum below this may consist of terms that have lost bits, or vanished, at the bottom of float32's range. 65,536
 terms lose at most 2^-134 together (2^-110 if the process flushes subnormals to zero), which is far less.
*/
static const double smallest_trusted = 0x1p-80;

static bool is_trusted(double sum) { return isfinite(sum) && fabs(sum) >= smallest_trusted; }

static size_t block_length(size_t dimension, size_t start) {
    return dimension - start < BLOCK ? dimension - start : BLOCK;
}

static double dot_distance(const lacuna_kernel *kernel, const float *query, const float *row, size_t dimension) {
    double dot = 0;
    for (size_t i = 0; i < dimension; i += BLOCK) dot += kernel->dot(query + i, row + i, block_length(dimension, i));
    if (!is_trusted(dot)) {
        dot = lacuna_dot_and_square_in_double(query, row, dimension).dot;
        if (!isfinite(dot)) return INFINITY;
    }
    return 0 - dot; /* -dot could be a negative zero */
}

static double euclidean_distance(const lacuna_kernel *kernel, const float *query, const float *row, size_t dimension) {
    double square = 0;
    for (size_t i = 0; i < dimension; i += BLOCK) {
        square += kernel->squared_distance(query + i, row + i, block_length(dimension, i));
    }
    if (!is_trusted(square)) {
        square = lacuna_squared_distance_in_double(query, row, dimension);
        if (!isfinite(square)) return INFINITY;
    }
    return sqrt(square);
}

static double cosine_distance(const lacuna_kernel *kernel, const float *query, double query_norm, const float *row,
                              size_t dimension) {
    double dot = 0;
    double square = 0;
    for (size_t i = 0; i < dimension; i += BLOCK) {
        const lacuna_float_sums sums = kernel->dot_and_square(query + i, row + i, block_length(dimension, i));
        dot += sums.dot;
        square += sums.square;
    }
    double norms = query_norm * sqrt(square);
    /* The dot product itself may be tiny; its error is small if the product of the norms isn't. */
    if (!(isfinite(dot) && is_trusted(square) && norms >= smallest_trusted)) {
        const lacuna_double_sums sums = lacuna_dot_and_square_in_double(query, row, dimension);
        dot = sums.dot;
        norms = query_norm * sqrt(sums.square);
        if (!isfinite(dot) || !isfinite(norms)) return INFINITY;
        if (norms == 0) return 1;
    }
    /* Rounding may carry the cosine of parallel vectors a little past 1. */
    return 1 - fmin(fmax(dot / norms, -1), 1);
}

typedef struct {
    const char *base;
    const int64_t *offsets;
    size_t count;
    size_t dimension;
} lacuna_rows;

/*
 Returns row `i`, and prefetches the start of the next row. The CPU fetches ahead by itself once it notices that a row is
 read in order; 512 bytes cover the time until then, which gains most if rows don't follow one another.
*/
static const float *row_at(const lacuna_rows *rows, size_t i) {
    enum { AHEAD_BYTES = 512, CACHE_LINE_BYTES = 64 };
    if (i + 1 < rows->count) {
        const size_t row_bytes = rows->dimension * sizeof(float);
        const size_t ahead_bytes = row_bytes < AHEAD_BYTES ? row_bytes : AHEAD_BYTES;
        const char *next = rows->base + rows->offsets[i + 1];
        for (size_t byte = 0; byte < ahead_bytes; byte += CACHE_LINE_BYTES) __builtin_prefetch(next + byte);
    }
    return (const float *)(const void *)(rows->base + rows->offsets[i]);
}

void lacuna_distances_with(size_t kernel, lacuna_metric metric, const float *query, size_t dimension,
                           const void *rows_base, const int64_t *row_offsets, size_t count, double *distances) {
    const lacuna_kernel *sums = lacuna_kernel_at(kernel);
    if (sums == NULL) __builtin_trap();
    const lacuna_rows rows = {.base = rows_base, .offsets = row_offsets, .count = count, .dimension = dimension};
    switch (metric) {
    case LACUNA_COSINE: {
        const double query_norm = sqrt(lacuna_dot_and_square_in_double(query, query, dimension).square);
        for (size_t i = 0; i < count; i++) {
            distances[i] = cosine_distance(sums, query, query_norm, row_at(&rows, i), dimension);
        }
        break;
    }
    case LACUNA_DOT:
        for (size_t i = 0; i < count; i++) {
            distances[i] = dot_distance(sums, query, row_at(&rows, i), dimension);
        }
        break;
    case LACUNA_EUCLIDEAN:
        for (size_t i = 0; i < count; i++) {
            distances[i] = euclidean_distance(sums, query, row_at(&rows, i), dimension);
        }
        break;
    }
}

void lacuna_distances(lacuna_metric metric, const float *query, size_t dimension, const void *rows_base,
                      const int64_t *row_offsets, size_t count, double *distances) {
    lacuna_distances_with(0, metric, query, dimension, rows_base, row_offsets, count, distances);
}
