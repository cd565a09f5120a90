#if defined(__x86_64__)

#include <immintrin.h>
#include <stdint.h>

#define NAME "avx512vnni"
#define SYMBOL lacuna_code_kernel_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512vnni,fma")))
#define INLINE TARGET static inline __attribute__((always_inline))

typedef int32_t ints __attribute__((vector_size(64)));
typedef __m512i codes;

/* The instruction multiplies unsigned with signed bytes, so 128 is added to each code, and taken off at the start. */
INLINE codes load_codes(const char *bytes) {
    return _mm512_xor_si512(_mm512_loadu_si512(bytes), _mm512_set1_epi8((char)0x80));
}

INLINE ints start(int32_t query_total) { return (ints)_mm512_set1_epi32(-128 * query_total); }

INLINE ints add_group(ints sums, codes rows, const int8_t *query) {
    int32_t four;
    __builtin_memcpy(&four, query, sizeof four);
    return (ints)_mm512_dpbusd_epi32((__m512i)sums, rows, _mm512_set1_epi32(four));
}

#include "code_kernel_body.h"

#endif
