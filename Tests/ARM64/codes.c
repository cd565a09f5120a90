/*
 Reports a row that codes leave out although it is as near as the limit, and a sum of products of codes that isn't what
 integers give, with each kernel for codes that this machine can run. `run` runs it on this machine and on emulated
 64-bit Arm processors, and all must print the same. With the argument "kernels", prints the names of the kernels.
*/
#include "CLacunaVectorKernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 1040, ROWS = LACUNA_BLOCK_ROWS, QUERIES = 3 };

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

/* Whole numbers from -127 to 127, the ends often. */
static void fill(int8_t *codes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const float any = uniform();
        codes[i] = (int8_t)(fabsf(any) > 0.7f ? copysignf(127, any) : any * 127);
    }
}

/* With scales of 1 and no errors, a score is 128 times one sum of products plus another, rounded once. */
static float expected_score(const lacuna_query_code *query, const int8_t *row, size_t step, size_t components) {
    int64_t high = 0, low = 0;
    for (size_t i = 0; i < components; i++) {
        const int8_t code = row[i / 4 * step + i % 4];
        high += query->high[i] * code;
        low += query->low[i] * code;
    }
    return (float)(128 * high + low);
}

/* Up to 1,040 components, neither sum is beyond 2^24, so floats hold both. */
static void check_sums(size_t kernel, size_t components) {
    static int8_t high[MOST + 7], low[MOST + 7];
    static _Alignas(8) int8_t block[ROWS * (MOST + 7 + 12)], rows[ROWS][MOST + 7 + 8];
    static const float ones[ROWS] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
    static const float basis[MOST], mean[MOST];
    const lacuna_coder coder = {.metric = LACUNA_DOT, .dimension = components, .components = components,
                                .mean = mean, .basis = basis};
    const size_t stride = lacuna_second_level_bytes(&coder), padded = stride - 8;
    lacuna_coded_query query = {.first = {.high = high, .low = low, .scale = 1}, .is_coded = true};
    memset(block, 0, sizeof block);
    memset(high, 0, sizeof high);
    memset(low, 0, sizeof low);
    fill(high, components);
    fill(low, components);
    for (size_t i = 0; i < components; i++) {
        query.first.high_total += high[i];
        query.first.low_total += low[i];
    }
    query.second = query.first;
    fill(block, ROWS * padded);
    memcpy(block + ROWS * (padded + 4), ones, sizeof ones);
    char *second = (char *)rows;
    for (size_t row = 0; row < ROWS; row++) {
        fill((int8_t *)second + row * stride, padded);
        memcpy(second + row * stride + padded, ones, sizeof *ones);
        memset(second + row * stride + padded + sizeof *ones, 0, sizeof *ones);
    }
    const lacuna_coded_query queries[QUERIES] = {query, query, query};
    const float limits[QUERIES] = {-INFINITY, -INFINITY, -INFINITY};
    lacuna_coded_candidate found[QUERIES * LACUNA_MOST_CODED_CANDIDATES];
    size_t counts[QUERIES], wrong = 0;
    lacuna_coded_candidates_with(kernel, &coder, queries, QUERIES, limits, block, 1, found, counts);
    for (size_t i = 0; i < QUERIES; i++) {
        lacuna_coded_candidate *of_query = found + i * LACUNA_MOST_CODED_CANDIDATES;
        for (size_t row = 0; row < ROWS; row++) {
            wrong += of_query[row].score != expected_score(&query.first, block + 4 * row, 4 * ROWS, components);
        }
        lacuna_refine_candidates_with(kernel, &coder, &query, -INFINITY, block, second, 0, of_query, ROWS);
        for (size_t row = 0; row < ROWS; row++) {
            const int8_t *codes = (const int8_t *)second + row * stride;
            wrong += of_query[row].score != expected_score(&query.second, codes, 4, components);
        }
    }
    if (wrong > 0) {
        printf("other bits: kernel %s, %zu sums of %zu codes\n", lacuna_code_kernel_name_at(kernel), wrong, components);
    }
}

int main(int count, char **arguments) {
    if (count > 1 && strcmp(arguments[1], "kernels") == 0) {
        for (size_t kernel = 0; kernel < lacuna_code_kernel_count(); kernel++) {
            printf("%s\n", lacuna_code_kernel_name_at(kernel));
        }
        return 0;
    }
    static const size_t dimensions[] = {1, 3, 8, 9, 16, 17, 31, 64, 100, 300, 384, 1024, 1025};
    for (size_t kernel = 0; kernel < lacuna_code_kernel_count(); kernel++) {
        for (size_t components = 1; components <= 1040; components += components < 40 ? 1 : 125) {
            check_sums(kernel, components);
        }
    }
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
