#ifndef LACUNA_CODE_KERNELS_H
#define LACUNA_CODE_KERNELS_H

#include "CLacunaVectorKernels.h"

enum {
    /* Components are coded in groups of four; their number is rounded up to an even number of groups. */
    GROUP_COMPONENTS = 4,
    PADDED_COMPONENTS = 8,
    GROUP_BYTES = GROUP_COMPONENTS * LACUNA_BLOCK_ROWS,
    MOST_TILE_QUERIES = 2
};

/* What follows a block's codes. The errors are the upper halves of floats, rounded up. */
typedef struct {
    float offsets[LACUNA_BLOCK_ROWS];
    float scales[LACUNA_BLOCK_ROWS];
    uint16_t errors[LACUNA_BLOCK_ROWS];
    uint16_t rests[LACUNA_BLOCK_ROWS];
} block_values;

static inline size_t padded(size_t components) {
    return (components + PADDED_COMPONENTS - 1) / PADDED_COMPONENTS * PADDED_COMPONENTS;
}

/* One way to make and compare codes; see lacuna_codes.h. All ways add up the same integers. */
typedef struct {
    const char *name;
    void (*encode)(const lacuna_coder *coder, const float *rows, size_t stride, size_t count, void *block,
                   void *second, float *work);
    lacuna_coded_query (*encode_query)(const lacuna_coder *coder, const float *query, int8_t *codes, double *work);
    void (*mean_of_rows)(lacuna_metric metric, const float *rows, size_t count, size_t dimension, float *mean);
    void (*improve_basis)(const lacuna_coder *coder, const float *rows, size_t count, float *basis, float *work);
    /* For one query, and for MOST_TILE_QUERIES. */
    void (*candidates)(const lacuna_coder *coder, const lacuna_coded_query *queries, const float *limits,
                       const char *blocks, size_t count, lacuna_coded_candidate *candidates, size_t *counts);
    void (*tile_candidates)(const lacuna_coder *coder, const lacuna_coded_query *queries, const float *limits,
                            const char *blocks, size_t count, lacuna_coded_candidate *candidates, size_t *counts);
    size_t (*refine)(const lacuna_coder *coder, const lacuna_coded_query *query, float limit, const char *blocks,
                     const char *second, size_t tile_bytes, lacuna_coded_candidate *candidates, size_t count);
} lacuna_code_kernel;

extern const lacuna_code_kernel lacuna_code_kernel_plain;
#if defined(__x86_64__)
extern const lacuna_code_kernel lacuna_code_kernel_avx2;
extern const lacuna_code_kernel lacuna_code_kernel_avx512;
#elif defined(__aarch64__)
extern const lacuna_code_kernel lacuna_code_kernel_neon;
extern const lacuna_code_kernel lacuna_code_kernel_neon_dot;
#endif

#endif
