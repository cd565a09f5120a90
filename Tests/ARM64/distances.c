/*
 Prints the bits of distances, which must be the same on every machine, and reports a kernel that leaves out a row that
 is as near as the limit. `run` compares the output of this machine with that of an emulated 64-bit Arm processor.
*/
#include "CLacunaVectorKernels.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 2100, ROUNDS = 40, QUERIES = 9, ROWS = 5 };

static uint64_t state = 1;

static float uniform(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(state >> 40) * 0x1p-23f - 1;
}

/* The numbers have many magnitudes, so squares of differences need more bits than a double has. */
static float next(void) { return uniform() * uniform() * uniform(); }

static void check(size_t kernel, lacuna_metric metric, const float *query, lacuna_element element, const void *row,
                  size_t dimension, uint64_t *digest) {
    const double square = lacuna_square_with(kernel, query, dimension);
    const double distance = lacuna_distance_with(kernel, metric, query, square, element, row, dimension);
    uint64_t bits;
    memcpy(&bits, &distance, sizeof bits);
    *digest = (*digest ^ bits) * 0x100000001B3u;
    /* Nine queries alike, so that tiles are tried too. */
    static float values[QUERIES * MOST];
    double squares[QUERIES], limits[QUERIES];
    for (size_t i = 0; i < QUERIES; i++) {
        memcpy(values + i * dimension, query, dimension * sizeof *query);
        squares[i] = square;
        limits[i] = distance;
    }
    /* Five rows alike, at the same address: a kernel takes several at a time. */
    const lacuna_queries queries = {metric, dimension, QUERIES, values, squares, LACUNA_SUM_ERROR, element};
    lacuna_candidate candidates[QUERIES * ROWS];
    if (lacuna_candidates_with(kernel, &queries, row, 0, ROWS, limits, candidates) != QUERIES * ROWS) {
        printf("left out: kernel %s, metric %d, element %d, dimension %zu\n", lacuna_kernel_name_at(kernel), metric,
               element, dimension);
    }
}

/* The same for rows of the other elements. The rows don't begin at a multiple of an element's size. */
static void check_elements(size_t kernel, lacuna_metric metric, const float *query, const float *row,
                           size_t dimension, uint64_t *digest) {
    static float values[MOST], widened[MOST];
    static char narrow[2 * MOST + 1];
    for (int element = LACUNA_FLOAT16; element <= LACUNA_INT8; element++) {
        for (size_t i = 0; i < dimension; i++) {
            values[i] = element == LACUNA_INT8 ? (float)(int32_t)(row[i] * 127) : row[i] * 1e-3f;
        }
        size_t first_bad;
        if (!lacuna_narrow((lacuna_element)element, values, dimension, narrow + 1, &first_bad)) {
            printf("left out: component %zu\n", first_bad);
        }
        lacuna_widen_with(kernel, (lacuna_element)element, narrow + 1, dimension, widened);
        for (size_t i = 0; i < dimension; i++) {
            const float most_apart = element == LACUNA_INT8 ? 0 : 0x1p-25f + 0x1p-11f * fabsf(values[i]);
            if (!(fabsf(widened[i] - values[i]) <= most_apart)) printf("other bits: component %zu\n", i);
        }
        check(kernel, metric, query, (lacuna_element)element, narrow + 1, dimension, digest);
    }
}

int main(void) {
    static float query[MOST], row[MOST];
    static const size_t dimensions[] = {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 50, 64, 100, 300, 384, 768, 1024, 1025, MOST};
    for (size_t d = 0; d < sizeof dimensions / sizeof *dimensions; d++) {
        for (int metric = LACUNA_COSINE; metric <= LACUNA_EUCLIDEAN; metric++) {
            const uint64_t before = state;
            uint64_t first = 0;
            for (size_t kernel = 0; kernel < lacuna_kernel_count(); kernel++) {
                uint64_t digest = 0xCBF29CE484222325u;
                state = before;
                for (int round = 0; round < ROUNDS; round++) {
                    const float scale = round % 4 == 3 ? 1e-7f : 1;
                    for (size_t i = 0; i < dimensions[d]; i++) {
                        query[i] = next();
                        row[i] = round % 4 == 3 ? query[i] + scale * next() : next();
                    }
                    check(kernel, (lacuna_metric)metric, query, LACUNA_FLOAT32, row, dimensions[d], &digest);
                    check_elements(kernel, (lacuna_metric)metric, query, row, dimensions[d], &digest);
                }
                if (kernel == 0) first = digest;
                if (digest != first) printf("other bits: kernel %s\n", lacuna_kernel_name_at(kernel));
            }
            printf("dimension %zu, metric %d: %016" PRIx64 "\n", dimensions[d], metric, first);
        }
    }
    return 0;
}
