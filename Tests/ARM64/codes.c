/*
 Reports a row that codes leave out although it is as near as the limit, with each kernel for codes that this machine can
 run. `run` runs it on this machine and on an emulated 64-bit Arm processor, and both must print the same.
*/
#include "CLacunaVectorKernels.h"

#include <stdio.h>
#include <stdlib.h>

enum { MOST = 1025, ROWS = LACUNA_BLOCK_ROWS, QUERIES = 3 };

static uint64_t state = 1;

static float uniform(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (float)(int32_t)(state >> 40) * 0x1p-23f - 1;
}

static size_t left_out(size_t kernel, const lacuna_coder *coder, const float *query, const float *rows,
                       const void *block, const void *second) {
    static int8_t codes[8 * (MOST + 8)];
    static double work[2 * MOST];
    static lacuna_coded_candidate found[QUERIES * LACUNA_MOST_CODED_CANDIDATES];
    const lacuna_coded_query coded = lacuna_encode_query_with(kernel, coder, query, codes, work);
    const lacuna_coded_query queries[QUERIES] = {coded, coded, coded};
    const double square = lacuna_square(query, coder->dimension);
    size_t left = 0;
    for (size_t row = 0; row < ROWS; row++) {
        const double distance = lacuna_distance(coder->metric, query, square, LACUNA_FLOAT32,
                                                rows + row * coder->dimension, coder->dimension);
        const float limit = lacuna_score_limit(coder, &coded, distance);
        const float limits[QUERIES] = {limit, limit, limit};
        size_t counts[QUERIES];
        lacuna_coded_candidates_with(kernel, coder, queries, QUERIES, limits, block, 1, found, counts);
        for (size_t i = 0; i < QUERIES; i++) {
            lacuna_coded_candidate *of_query = found + i * LACUNA_MOST_CODED_CANDIDATES;
            size_t count = counts[i];
            if (coder->basis != NULL) {
                count = lacuna_refine_candidates_with(kernel, coder, &coded, limit, block, second, 0, of_query, count);
            }
            bool is_kept = false;
            for (size_t j = 0; j < count; j++) is_kept = is_kept || of_query[j].row == row;
            left += !is_kept;
        }
    }
    return left;
}

static void check(size_t kernel, lacuna_metric metric, size_t dimension, size_t components) {
    static float rows[ROWS * MOST], mean[MOST], basis[16 * MOST], query[MOST], work[(16 + 2 * ROWS) * MOST];
    for (size_t i = 0; i < dimension; i++) mean[i] = uniform();
    for (size_t i = 0; i < ROWS * dimension; i++) rows[i] = mean[i % dimension] + uniform() * (i % 3 == 0 ? 1e-4f : 1);
    for (size_t i = 0; i < dimension; i++) query[i] = rows[i] + uniform() * 0.1f;
    lacuna_coder coder = {.metric = metric, .dimension = dimension, .components = dimension, .mean = mean};
    if (components > 0) {
        coder.components = components;
        for (size_t i = 0; i < components * dimension; i++) basis[i] = rows[i];
        for (int i = 0; i < 3; i++) lacuna_improve_basis(&coder, rows, ROWS, basis, work);
        coder.basis = basis;
        coder.deviation = lacuna_basis_deviation(basis, components, dimension);
    }
    void *block = malloc(lacuna_block_bytes(&coder));
    void *second = malloc(ROWS * lacuna_second_level_bytes(&coder) + 1);
    lacuna_encode_with(kernel, &coder, rows, dimension * sizeof *rows, ROWS, block, second, work);
    const size_t left = left_out(kernel, &coder, query, rows, block, second);
    if (left > 0) {
        printf("left out %zu by codes: kernel %s, metric %d, dimension %zu, components %zu\n", left,
               lacuna_code_kernel_name_at(kernel), metric, dimension, components);
    }
    free(block);
    free(second);
}

int main(void) {
    static const size_t dimensions[] = {1, 3, 8, 9, 16, 17, 31, 64, 100, 300, 384, 1024, MOST};
    for (size_t d = 0; d < sizeof dimensions / sizeof *dimensions; d++) {
        for (int metric = LACUNA_COSINE; metric <= LACUNA_EUCLIDEAN; metric++) {
            for (size_t kernel = 0; kernel < lacuna_code_kernel_count(); kernel++) {
                check(kernel, (lacuna_metric)metric, dimensions[d], 0);
                if (dimensions[d] > 16) check(kernel, (lacuna_metric)metric, dimensions[d], 12);
            }
        }
        printf("codes of dimension %zu\n", dimensions[d]);
    }
    return 0;
}
