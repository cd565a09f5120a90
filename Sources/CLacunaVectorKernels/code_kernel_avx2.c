#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

#define NAME "avx2"
#define SYMBOL lacuna_code_kernel_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))

typedef int32_t ints __attribute__((vector_size(64)));
typedef struct {
    __m256i halves[2];
} codes;

INLINE codes load_codes(const char *bytes) {
    return (codes){{_mm256_loadu_si256((const __m256i *)(const void *)bytes),
                    _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32))}};
}

INLINE ints start(int32_t query_total) {
    (void)query_total;
    return (ints){0};
}

/* The instruction multiplies unsigned with signed bytes. No sum saturates: codes are within -127 ... 127. */
INLINE __m256i group_dots(__m256i rows, __m256i query) {
    const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(rows), _mm256_sign_epi8(query, rows));
    return _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}

INLINE ints add_group(ints sums, codes rows, const int8_t *query) {
    int32_t four;
    __builtin_memcpy(&four, query, sizeof four);
    const __m256i repeated = _mm256_set1_epi32(four);
    const __m256i dots[2] = {group_dots(rows.halves[0], repeated), group_dots(rows.halves[1], repeated)};
    ints added;
    __builtin_memcpy(&added, dots, sizeof added);
    return sums + added;
}

#include "code_kernel_body.h"

#endif
