/*
 The scores of one code kernel.

 A kernel's file defines NAME, SYMBOL and TARGET as for kernel_body.h, and two functions: `start`, the 16 sums with
 which a sum of products with a query's codes begins, and `add_group`, which adds for each of 16 rows the products of
 its four codes in a group with the query's four codes.
*/
#include "code_kernels.h"

#include "code_encode.h"

#include "code_basis.h"

/* The compiler warns of vectors that are passed in memory, but every function that takes a vector is inlined. */
#pragma clang diagnostic ignored "-Wpsabi"

typedef float floats __attribute__((vector_size(64)));
typedef uint32_t words __attribute__((vector_size(64)));
typedef uint16_t half_words __attribute__((vector_size(32)));
typedef bool flags __attribute__((ext_vector_type(LACUNA_BLOCK_ROWS)));

INLINE floats load_floats(const float *values) {
    floats loaded;
    memcpy(&loaded, values, sizeof loaded);
    return loaded;
}

INLINE floats load_halves(const uint16_t *values) {
    half_words loaded;
    memcpy(&loaded, values, sizeof loaded);
    const words shifted = __builtin_convertvector(loaded, words) << 16;
    return (floats)shifted;
}

/* Two groups are added at a time, so that an addition need not wait for the one before. */
INLINE void sum_codes(const size_t count, const lacuna_coded_query *queries, const char *block, size_t components,
                      ints sums[][2]) {
    ints odd[MOST_TILE_QUERIES][2] = {{{0}}};
    for (size_t k = 0; k < count; k++) {
        sums[k][0] = start(queries[k].first.high_total);
        sums[k][1] = start(queries[k].first.low_total);
    }
    for (size_t i = 0; i < components; i += PADDED_COMPONENTS) {
        const char *group = block + i * LACUNA_BLOCK_ROWS;
        const codes even_rows = load_codes(group);
        const codes odd_rows = load_codes(group + GROUP_BYTES);
        for (size_t k = 0; k < count; k++) {
            const int8_t *high = queries[k].first.high + i;
            const int8_t *low = queries[k].first.low + i;
            sums[k][0] = add_group(sums[k][0], even_rows, high);
            sums[k][1] = add_group(sums[k][1], even_rows, low);
            odd[k][0] = add_group(odd[k][0], odd_rows, high + GROUP_COMPONENTS);
            odd[k][1] = add_group(odd[k][1], odd_rows, low + GROUP_COMPONENTS);
        }
    }
    for (size_t k = 0; k < count; k++) {
        sums[k][0] += odd[k][0];
        sums[k][1] += odd[k][1];
    }
}

/* A score that isn't a number proves nothing; infinity proves nothing either, and has a place in an order. */
INLINE float ordered(float score) { return score == score ? score : INFINITY; }

/* Adds the rows of a block that may reach the limit. */
INLINE size_t keep(floats scores, float limit, uint32_t first, lacuna_coded_candidate *candidates) {
    const flags kept = __builtin_convertvector(~(scores < limit), flags);
    uint16_t rows;
    memcpy(&rows, &kept, sizeof rows);
    if (rows == 0) return 0;
    float values[LACUNA_BLOCK_ROWS];
    memcpy(values, &scores, sizeof values);
    size_t count = 0;
    for (; rows != 0; rows &= rows - 1) {
        const uint32_t row = (uint32_t)__builtin_ctz(rows);
        candidates[count++] = (lacuna_coded_candidate){.score = ordered(values[row]), .row = first + row};
    }
    return count;
}

INLINE const block_values *block_values_of(const lacuna_coder *coder, const char *block) {
    return (const block_values *)(const void *)(block + padded(coder->components) * LACUNA_BLOCK_ROWS);
}

INLINE void search_blocks(const size_t count, const lacuna_coder *coder, const lacuna_coded_query *queries,
                          const float *limits, const char *blocks, size_t block_count,
                          lacuna_coded_candidate *candidates, size_t *counts) {
    const size_t components = padded(coder->components);
    for (size_t k = 0; k < count; k++) counts[k] = 0;
    for (size_t i = 0; i < block_count; i++) {
        const char *block = blocks + i * lacuna_block_bytes(coder);
        const block_values *values = block_values_of(coder, block);
        ints sums[MOST_TILE_QUERIES][2];
        sum_codes(count, queries, block, components, sums);
        for (size_t k = 0; k < count; k++) {
            const lacuna_query_code *query = &queries[k].first;
            const floats dots =
                __builtin_convertvector(sums[k][0], floats) * 128 + __builtin_convertvector(sums[k][1], floats);
            const floats scores = load_floats(values->scales) * (dots * query->scale + query->scale_error) +
                                  load_halves(values->errors) * query->error_factor +
                                  load_halves(values->rests) * query->rest_factor - load_floats(values->offsets);
            counts[k] += keep(scores, limits[k], (uint32_t)(i * LACUNA_BLOCK_ROWS),
                              candidates + k * LACUNA_MOST_CODED_CANDIDATES + counts[k]);
        }
    }
}

TARGET static void candidates(const lacuna_coder *coder, const lacuna_coded_query *queries, const float *limits,
                              const char *blocks, size_t count, lacuna_coded_candidate *found, size_t *counts) {
    search_blocks(1, coder, queries, limits, blocks, count, found, counts);
}

TARGET static void tile_candidates(const lacuna_coder *coder, const lacuna_coded_query *queries, const float *limits,
                                   const char *blocks, size_t count, lacuna_coded_candidate *found, size_t *counts) {
    search_blocks(MOST_TILE_QUERIES, coder, queries, limits, blocks, count, found, counts);
}

TARGET static float second_score(const lacuna_coder *coder, const lacuna_query_code *query, const char *row,
                                 float offset) {
    const int8_t *components = (const int8_t *)(const void *)row;
    int32_t high = 0;
    int32_t low = 0;
    for (size_t i = 0; i < padded(coder->dimension); i++) {
        high += query->high[i] * components[i];
        low += query->low[i] * components[i];
    }
    float values[2];
    memcpy(values, row + padded(coder->dimension), sizeof values);
    const float dot = (float)high * 128 + (float)low;
    return values[0] * (dot * query->scale + query->scale_error) + values[1] * query->error_factor - offset;
}

INLINE void prefetch(const char *bytes, size_t count) {
    for (size_t i = 0; i < count; i += 64) __builtin_prefetch(bytes + i);
}

/* The place of a row in the second level; see lacuna_refine_candidates. */
INLINE const char *second_level(const char *second, size_t row, size_t row_bytes, size_t tile_bytes) {
    return second + row / LACUNA_MOST_CODED_CANDIDATES * tile_bytes + row % LACUNA_MOST_CODED_CANDIDATES * row_bytes;
}

/* The candidates lie apart, so loads of all of them begin before one is compared. */
TARGET static size_t refine(const lacuna_coder *coder, const lacuna_coded_query *query, float limit,
                            const char *blocks, const char *second, size_t tile_bytes, lacuna_coded_candidate *found,
                            size_t count) {
    const size_t row_bytes = lacuna_second_level_bytes(coder);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) prefetch(second_level(second, found[i].row, row_bytes, tile_bytes), row_bytes);
    for (size_t i = 0; i < count; i++) {
        const size_t row = found[i].row;
        const size_t row_block = row % LACUNA_MOST_CODED_CANDIDATES / LACUNA_BLOCK_ROWS;
        const char *tile = blocks + row / LACUNA_MOST_CODED_CANDIDATES * tile_bytes;
        const char *block = tile + row_block * lacuna_block_bytes(coder);
        const float offset = block_values_of(coder, block)->offsets[row % LACUNA_BLOCK_ROWS];
        const char *codes = second_level(second, row, row_bytes, tile_bytes);
        const float score = ordered(second_score(coder, &query->second, codes, offset));
        if (!(score < limit)) found[kept++] = (lacuna_coded_candidate){.score = score, .row = (uint32_t)row};
    }
    return kept;
}

const lacuna_code_kernel SYMBOL = {.name = NAME,
                                   .encode = encode,
                                   .encode_query = encode_query,
                                   .mean_of_rows = mean_of_rows,
                                   .improve_basis = improve_basis,
                                   .candidates = candidates,
                                   .tile_candidates = tile_candidates,
                                   .refine = refine};
