#include "CLacunaVectorKernels.h"
#include "kernels.h"

#include <math.h>

static const lacuna_kernel *chosen(size_t kernel) {
    const lacuna_kernel *found = lacuna_kernel_at(kernel);
    if (found == NULL) __builtin_trap();
    return found;
}

double lacuna_square_with(size_t kernel, const float *values, size_t dimension) {
    return chosen(kernel)->exact_sums(LACUNA_FLOAT32, values, values, dimension).square;
}

double lacuna_square(const float *values, size_t dimension) { return lacuna_square_with(0, values, dimension); }

double lacuna_distance_with(size_t kernel, lacuna_metric metric, const float *query, double query_square,
                            lacuna_element element, const void *row, size_t dimension) {
#pragma STDC FP_CONTRACT OFF
    if (metric == LACUNA_EUCLIDEAN) {
        const double square = chosen(kernel)->exact_squared_distance(element, query, row, dimension);
        return isfinite(square) ? sqrt(square) : INFINITY;
    }
    const lacuna_exact_sums sums = chosen(kernel)->exact_sums(element, query, row, dimension);
    if (!isfinite(query_square) || !isfinite(sums.square) || !isfinite(sums.dot)) return INFINITY;
    if (metric == LACUNA_DOT) return 0 - sums.dot; /* -sums.dot could be a negative zero */
    if (query_square == 0 || sums.square == 0) return 1;
    return 1 - fmin(1, fmax(-1, sums.dot / sqrt(query_square * sums.square)));
}

double lacuna_distance(lacuna_metric metric, const float *query, double query_square, lacuna_element element,
                       const void *row, size_t dimension) {
    return lacuna_distance_with(0, metric, query, query_square, element, row, dimension);
}

void lacuna_widen_with(size_t kernel, lacuna_element element, const void *values, size_t count, float *widened) {
    chosen(kernel)->widen(element, values, count, widened);
}

void lacuna_widen(lacuna_element element, const void *values, size_t count, float *widened) {
    lacuna_widen_with(0, element, values, count, widened);
}

/* The rows of one call, and the candidates found among them. */
typedef struct {
    const lacuna_kernel *kernel;
    const lacuna_queries *queries;
    const char *rows;
    size_t stride;
    size_t count;
    const double *limits;
    double norms[LACUNA_MOST_ROWS];
    lacuna_candidate *candidates;
    size_t candidate_count;
} lacuna_search;

static void collect(lacuna_search *search, size_t query, const double *sums) {
    const lacuna_queries *queries = search->queries;
    const double norm = sqrt(queries->squares[query]);
    const double limit = search->limits[query];
    uint64_t kept[LACUNA_MOST_ROWS / 8] = {0};
    if (queries->metric == LACUNA_EUCLIDEAN) {
        search->kernel->keep_squares(sums, search->count, square_limit(limit, queries->sum_error), (uint8_t *)kept);
    } else {
        search->kernel->keep_dots(sums, search->norms, search->count,
                                  dot_limit(queries->metric, norm, limit, queries->sum_error), (uint8_t *)kept);
    }
    for (size_t row = 0; row < search->count; row++) {
        if (row % 8 == 0 && kept[row / 8] == 0) {
            row += 7;
        } else if (((const uint8_t *)kept)[row]) {
            search->candidates[search->candidate_count++] =
                (lacuna_candidate){.bound = distance_bound(queries->metric, norm, sums[row], search->norms[row],
                                                           queries->sum_error),
                                   .query = (uint32_t)query,
                                   .row = (uint32_t)row};
        }
    }
}

static void search_one(lacuna_search *search, size_t query) {
    const lacuna_queries *queries = search->queries;
    const float *values = queries->values + query * queries->dimension;
    double sums[LACUNA_MOST_ROWS];
    if (queries->metric == LACUNA_EUCLIDEAN) {
        search->kernel->squared_distances(queries->element, values, search->rows, search->stride, search->count,
                                          queries->dimension, sums);
    } else {
        search->kernel->dots_and_squares(queries->element, values, search->rows, search->stride, search->count,
                                         queries->dimension, sums, search->norms);
        search->kernel->take_norms(queries->metric, queries->sum_error, search->count, search->norms);
    }
    collect(search, query, sums);
}

/* Searches for the queries of the tile that ends at `end`, and collects those from `first` on. */
static void search_tile(lacuna_search *search, size_t first, size_t end) {
    const lacuna_queries *queries = search->queries;
    const size_t begin = end - search->kernel->tile_queries;
    const float *values = queries->values + begin * queries->dimension;
    double sums[LACUNA_MOST_TILE_QUERIES * LACUNA_MOST_ROWS];
    if (queries->metric == LACUNA_EUCLIDEAN) {
        search->kernel->tile_squared_distances(queries->element, values, search->rows, search->stride,
                                               search->count, queries->dimension, sums);
    } else {
        search->kernel->tile_dots(queries->element, values, search->rows, search->stride, search->count,
                                  queries->dimension, sums);
    }
    for (size_t query = first; query < end; query++) {
        collect(search, query, sums + (query - begin) * LACUNA_MOST_ROWS);
    }
}

size_t lacuna_candidates_with(size_t kernel, const lacuna_queries *queries, const void *rows, size_t stride,
                              size_t count, const double *limits, lacuna_candidate *candidates) {
    if (count > LACUNA_MOST_ROWS) __builtin_trap();
    lacuna_search search = {.kernel = chosen(kernel),
                            .queries = queries,
                            .rows = rows,
                            .stride = stride,
                            .count = count,
                            .limits = limits,
                            .candidates = candidates,
                            .candidate_count = 0};
    /* The first query brings the rows into the cache, and computes their norms. */
    size_t query = 0;
    if (queries->count > 0) search_one(&search, query++);
    const size_t tile_queries = search.kernel->tile_queries;
    while (query < queries->count) {
        const size_t rest = queries->count - query;
        const size_t end = rest < tile_queries ? queries->count : query + tile_queries;
        if (end >= tile_queries) {
            /* The last tile overlaps the one before, which costs less than its queries alone. */
            search_tile(&search, query, end);
            query = end;
        } else {
            search_one(&search, query++);
        }
    }
    return search.candidate_count;
}

size_t lacuna_candidates(const lacuna_queries *queries, const void *rows, size_t stride, size_t count,
                         const double *limits, lacuna_candidate *candidates) {
    return lacuna_candidates_with(0, queries, rows, stride, count, limits, candidates);
}
