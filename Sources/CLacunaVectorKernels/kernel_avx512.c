#include "kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f")))

enum { LANES = 16 };

/* The lanes that have values if `left` values, at least one, remain. Other lanes are never read. */
AVX512 static inline __mmask16 lanes(size_t left) {
    return left >= LANES ? (__mmask16)0xFFFF : (__mmask16)((1u << left) - 1);
}

AVX512 static inline float total(const __m512 sums[4]) {
    return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3])));
}

AVX512 static float dot(const float *a, const float *b, size_t count) {
    __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            sums[j] = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + j * LANES), _mm512_loadu_ps(b + i + j * LANES), sums[j]);
        }
    }
    for (size_t j = 0; i < count; i += LANES, j++) {
        const __mmask16 mask = lanes(count - i);
        sums[j] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i), sums[j]);
    }
    return total(sums);
}

AVX512 static float squared_distance(const float *a, const float *b, size_t count) {
    __m512 sums[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            const __m512 apart = _mm512_sub_ps(_mm512_loadu_ps(a + i + j * LANES), _mm512_loadu_ps(b + i + j * LANES));
            sums[j] = _mm512_fmadd_ps(apart, apart, sums[j]);
        }
    }
    for (size_t j = 0; i < count; i += LANES, j++) {
        const __mmask16 mask = lanes(count - i);
        const __m512 apart = _mm512_sub_ps(_mm512_maskz_loadu_ps(mask, a + i), _mm512_maskz_loadu_ps(mask, b + i));
        sums[j] = _mm512_fmadd_ps(apart, apart, sums[j]);
    }
    return total(sums);
}

AVX512 static lacuna_float_sums dot_and_square(const float *a, const float *b, size_t count) {
    __m512 dots[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    __m512 squares[4] = {_mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps(), _mm512_setzero_ps()};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            const __m512 row = _mm512_loadu_ps(b + i + j * LANES);
            dots[j] = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + j * LANES), row, dots[j]);
            squares[j] = _mm512_fmadd_ps(row, row, squares[j]);
        }
    }
    for (size_t j = 0; i < count; i += LANES, j++) {
        const __mmask16 mask = lanes(count - i);
        const __m512 row = _mm512_maskz_loadu_ps(mask, b + i);
        dots[j] = _mm512_fmadd_ps(_mm512_maskz_loadu_ps(mask, a + i), row, dots[j]);
        squares[j] = _mm512_fmadd_ps(row, row, squares[j]);
    }
    return (lacuna_float_sums){.dot = total(dots), .square = total(squares)};
}

const lacuna_kernel lacuna_kernel_avx512 = {
    .name = "avx512", .dot = dot, .squared_distance = squared_distance, .dot_and_square = dot_and_square};

#endif
