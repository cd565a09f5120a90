#if defined(__aarch64__)

#include <arm_neon.h>
#include <stdint.h>

#define NAME "neondotprod"
#define SYMBOL lacuna_code_kernel_neon_dot
#define TARGET __attribute__((target("dotprod")))
#define INLINE TARGET static inline __attribute__((always_inline))

typedef int32_t ints __attribute__((vector_size(64)));
typedef struct {
    int8x16_t quarters[4];
} codes;

INLINE codes load_codes(const char *bytes) {
    const int8_t *loaded = (const int8_t *)(const void *)bytes;
    return (codes){{vld1q_s8(loaded), vld1q_s8(loaded + 16), vld1q_s8(loaded + 32), vld1q_s8(loaded + 48)}};
}

INLINE ints start(int32_t query_total) {
    (void)query_total;
    return (ints){0};
}

/* One instruction adds the four products of each of four rows. */
INLINE ints add_group(ints sums, codes rows, const int8_t *query) {
    int32_t four;
    __builtin_memcpy(&four, query, sizeof four);
    const int8x16_t repeated = vreinterpretq_s8_s32(vdupq_n_s32(four));
    int32x4_t quarters[4];
    __builtin_memcpy(quarters, &sums, sizeof quarters);
    for (int i = 0; i < 4; i++) quarters[i] = vdotq_s32(quarters[i], rows.quarters[i], repeated);
    __builtin_memcpy(&sums, quarters, sizeof sums);
    return sums;
}

#include "code_kernel_body.h"

#endif
