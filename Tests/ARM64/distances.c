/*
 Prints the bits of distances, which must be the same on every machine, and reports a kernel that leaves out a row that
 is as near as the limit. `run` compares the output of this machine with that of an emulated 64-bit Arm processor.
*/
#include "CLacunaVectorKernels.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 2100, ROUNDS = 40, QUERIES = 9 };

static uint64_t state = 1;

static float uniform(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(state >> 40) * 0x1p-23f - 1;
}

/* The numbers have many magnitudes, so squares of differences need more bits than a double has. */
static float next(void) { return uniform() * uniform() * uniform(); }

static void check(size_t kernel, lacuna_metric metric, const float *query, const float *row, size_t dimension,
                  uint64_t *digest) {
    const double square = lacuna_square_with(kernel, query, dimension);
    const double distance = lacuna_distance_with(kernel, metric, query, square, row, dimension);
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
    const lacuna_queries queries = {metric, dimension, QUERIES, values, squares, LACUNA_SUM_ERROR};
    lacuna_candidate candidates[QUERIES];
    if (lacuna_candidates_with(kernel, &queries, row, 4 * dimension, 1, limits, candidates) != QUERIES) {
        printf("left out: kernel %s, metric %d, dimension %zu\n", lacuna_kernel_name_at(kernel), metric, dimension);
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
                    check(kernel, (lacuna_metric)metric, query, row, dimensions[d], &digest);
                }
                if (kernel == 0) first = digest;
                if (digest != first) printf("other bits: kernel %s\n", lacuna_kernel_name_at(kernel));
            }
            printf("dimension %zu, metric %d: %016" PRIx64 "\n", dimensions[d], metric, first);
        }
    }
    return 0;
}
