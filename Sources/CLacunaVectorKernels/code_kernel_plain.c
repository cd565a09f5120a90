#include <stdint.h>

#define NAME "plain"
#define SYMBOL lacuna_code_kernel_plain
#define TARGET
#define INLINE TARGET static inline __attribute__((always_inline))

typedef int32_t ints __attribute__((vector_size(64)));
typedef int8_t codes __attribute__((vector_size(64)));

INLINE codes load_codes(const char *bytes) {
    codes loaded;
    __builtin_memcpy(&loaded, bytes, sizeof loaded);
    return loaded;
}

INLINE ints start(int32_t query_total) {
    (void)query_total;
    return (ints){0};
}

/* The products of one code of each row. */
#define PRODUCTS(i)                                                                                                    \
    (__builtin_convertvector(__builtin_shufflevector(rows, rows, i, 4 + i, 8 + i, 12 + i, 16 + i, 20 + i, 24 + i,      \
                                                     28 + i, 32 + i, 36 + i, 40 + i, 44 + i, 48 + i, 52 + i, 56 + i,   \
                                                     60 + i),                                                          \
                             ints) *                                                                                   \
     query[i])

INLINE ints add_group(ints sums, codes rows, const int8_t *query) {
    return sums + PRODUCTS(0) + PRODUCTS(1) + PRODUCTS(2) + PRODUCTS(3);
}

#include "code_kernel_body.h"
