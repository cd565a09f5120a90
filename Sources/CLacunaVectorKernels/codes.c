#include "code_kernels.h"
#include "kernels.h"

#include <float.h>
#include <math.h>

#if defined(__aarch64__)
#if defined(__ARM_FEATURE_DOTPROD)
/* The compiler may use these instructions anyway, as it may on every Mac. */
static bool has_dot_products(void) { return true; }
#elif defined(__linux__)
#include <sys/auxv.h>
static bool has_dot_products(void) { return (getauxval(AT_HWCAP) & HWCAP_ASIMDDP) != 0; }
#else
static bool has_dot_products(void) { return false; }
#endif
#endif

static const lacuna_code_kernel *kernel_at(size_t index) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni")) {
        if (index == 0) return &lacuna_code_kernel_avx512;
        index--;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        if (index == 0) return &lacuna_code_kernel_avx2;
        index--;
    }
#elif defined(__aarch64__)
    if (has_dot_products()) {
        if (index == 0) return &lacuna_code_kernel_neon_dot;
        index--;
    }
    if (index == 0) return &lacuna_code_kernel_neon;
    index--;
#endif
    return index == 0 ? &lacuna_code_kernel_plain : NULL;
}

static const lacuna_code_kernel *chosen(size_t index) {
    const lacuna_code_kernel *kernel = kernel_at(index);
    if (kernel == NULL) __builtin_trap();
    return kernel;
}

size_t lacuna_code_kernel_count(void) {
    size_t count = 1;
    while (kernel_at(count) != NULL) count++;
    return count;
}

const char *lacuna_code_kernel_name_at(size_t kernel) { return chosen(kernel)->name; }

size_t lacuna_block_bytes(const lacuna_coder *coder) {
    return padded(coder->components) * LACUNA_BLOCK_ROWS + sizeof(block_values);
}

size_t lacuna_second_level_bytes(const lacuna_coder *coder) {
    return coder->basis == NULL ? 0 : padded(coder->dimension) + LACUNA_SECOND_LEVEL_EXTRA_BYTES;
}

size_t lacuna_query_code_bytes(const lacuna_coder *coder) {
    return 2 * padded(coder->components) + (coder->basis == NULL ? 0 : 2 * padded(coder->dimension));
}

void lacuna_mean_of_rows(lacuna_metric metric, const float *rows, size_t count, size_t dimension, float *mean) {
    chosen(0)->mean_of_rows(metric, rows, count, dimension, mean);
}

void lacuna_improve_basis(const lacuna_coder *coder, const float *rows, size_t count, float *basis, float *work) {
    if (coder->components > LACUNA_MOST_BASIS_COMPONENTS) __builtin_trap();
    chosen(0)->improve_basis(coder, rows, count, basis, work);
}

double lacuna_basis_deviation(const float *basis, size_t components, size_t dimension) {
    double sum = 0;
    for (size_t i = 0; i < components; i++) {
        for (size_t j = 0; j <= i; j++) {
            const lacuna_exact_sums sums = lacuna_kernel_at(0)->exact_sums(LACUNA_FLOAT32, basis + i * dimension,
                                                                           basis + j * dimension, dimension);
            const double apart = sums.dot - (i == j);
            sum += (i == j ? 1 : 2) * apart * apart;
        }
    }
    return sqrt(sum) * (1 + 0x1p-20) + 0x1p-30;
}

void lacuna_encode_with(size_t kernel, const lacuna_coder *coder, const float *rows, size_t stride, size_t count,
                        void *block, void *second, float *work) {
    if (count > LACUNA_BLOCK_ROWS) __builtin_trap();
    chosen(kernel)->encode(coder, rows, stride, count, block, second, work);
}

void lacuna_encode(const lacuna_coder *coder, const float *rows, size_t stride, size_t count, void *block,
                   void *second, float *work) {
    lacuna_encode_with(0, coder, rows, stride, count, block, second, work);
}

lacuna_coded_query lacuna_encode_query_with(size_t kernel, const lacuna_coder *coder, const float *query,
                                            int8_t *codes, double *work) {
    return chosen(kernel)->encode_query(coder, query, codes, work);
}

lacuna_coded_query lacuna_encode_query(const lacuna_coder *coder, const float *query, int8_t *codes, double *work) {
    return lacuna_encode_query_with(0, coder, query, codes, work);
}

float lacuna_score_limit(const lacuna_coder *coder, const lacuna_coded_query *query, double distance) {
    double limit = -INFINITY;
    double size = 0;
    switch (coder->metric) {
    case LACUNA_COSINE:
        limit = 1 - distance - query->mean_dot;
        size = 1 + fabs(query->mean_dot);
        break;
    case LACUNA_DOT:
        limit = -distance - query->mean_dot;
        size = fabs(distance) + fabs(query->mean_dot);
        break;
    case LACUNA_EUCLIDEAN:
        limit = (query->square - distance * distance) / 2;
        size = query->square + distance * distance;
        break;
    }
    limit -= 0x1p-22 * fabs(limit) + 0x1p-36 * size + 0x1p-100;
    return query->is_coded && limit > -FLT_MAX ? (float)limit : -INFINITY;
}

void lacuna_coded_candidates_with(size_t kernel, const lacuna_coder *coder, const lacuna_coded_query *queries,
                                  size_t query_count, const float *limits, const void *blocks, size_t block_count,
                                  lacuna_coded_candidate *candidates, size_t *counts) {
    if (block_count > LACUNA_MOST_BLOCKS) __builtin_trap();
    const lacuna_code_kernel *found = chosen(kernel);
    for (size_t query = 0, some; query < query_count; query += some) {
        some = query_count - query < MOST_TILE_QUERIES ? 1 : MOST_TILE_QUERIES;
        (some == 1 ? found->candidates : found->tile_candidates)(coder, queries + query, limits + query, blocks,
                                                                 block_count,
                                                                 candidates + query * LACUNA_MOST_CODED_CANDIDATES,
                                                                 counts + query);
    }
}

void lacuna_coded_candidates(const lacuna_coder *coder, const lacuna_coded_query *queries, size_t query_count,
                             const float *limits, const void *blocks, size_t block_count,
                             lacuna_coded_candidate *candidates, size_t *counts) {
    lacuna_coded_candidates_with(0, coder, queries, query_count, limits, blocks, block_count, candidates, counts);
}

size_t lacuna_refine_candidates_with(size_t kernel, const lacuna_coder *coder, const lacuna_coded_query *query,
                                     float limit, const void *blocks, const void *second, size_t tile_bytes,
                                     lacuna_coded_candidate *candidates, size_t count) {
    return chosen(kernel)->refine(coder, query, limit, blocks, second, tile_bytes, candidates, count);
}

size_t lacuna_refine_candidates(const lacuna_coder *coder, const lacuna_coded_query *query, float limit,
                                const void *blocks, const void *second, size_t tile_bytes,
                                lacuna_coded_candidate *candidates, size_t count) {
    return lacuna_refine_candidates_with(0, coder, query, limit, blocks, second, tile_bytes, candidates, count);
}

/* A score that about `best` of the candidates exceed, judged by some of them. */
static float score_near(const lacuna_coded_candidate *candidates, size_t count, size_t best) {
    enum { SAMPLE = 31 };
    float scores[SAMPLE];
    for (size_t i = 0; i < SAMPLE; i++) {
        const float score = candidates[i * count / SAMPLE].score;
        size_t place = i;
        for (; place > 0 && scores[place - 1] < score; place--) scores[place] = scores[place - 1];
        scores[place] = score;
    }
    return scores[best * SAMPLE / count];
}

/* Moves the candidates with scores above `score`, or with just this score, to the front, and returns their number. */
static size_t move_to_front(float score, bool is_equal, lacuna_coded_candidate *candidates, size_t count) {
    size_t moved = 0;
    for (size_t i = 0; i < count; i++) {
        const lacuna_coded_candidate candidate = candidates[i];
        if (is_equal ? candidate.score != score : !(candidate.score > score)) continue;
        candidates[i] = candidates[moved];
        candidates[moved++] = candidate;
    }
    return moved;
}

/* A selection by parts: those above a score, those that equal it, and the rest. */
void lacuna_best_candidates(lacuna_coded_candidate *candidates, size_t count, size_t best) {
    while (best < count) {
        const float score = score_near(candidates, count, best);
        const size_t above = move_to_front(score, false, candidates, count);
        if (best <= above) {
            if (best == above) return;
            count = above;
            continue;
        }
        const size_t equal = move_to_front(score, true, candidates + above, count - above);
        if (best <= above + equal) return;
        candidates += above + equal;
        count -= above + equal;
        best -= above + equal;
    }
}

size_t lacuna_drop_candidates(float limit, lacuna_coded_candidate *candidates, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        candidates[kept] = candidates[i];
        kept += candidates[i].score >= limit;
    }
    return kept;
}
