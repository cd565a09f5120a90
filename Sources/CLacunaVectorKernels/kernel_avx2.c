#include "kernels.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2,fma")))

enum { LANES = 8 };

/* Adds pairs of lanes, then pairs of pairs, and so on: as precise as the sums themselves, and always in the same order. */
AVX2 static inline float total(const __m256 sums[4]) {
    const __m256 eight = _mm256_add_ps(_mm256_add_ps(sums[0], sums[1]), _mm256_add_ps(sums[2], sums[3]));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

AVX2 static float dot(const float *a, const float *b, size_t count) {
    __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            sums[j] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + j * LANES), _mm256_loadu_ps(b + i + j * LANES), sums[j]);
        }
    }
    for (size_t j = 0; count - i >= LANES; i += LANES, j++) {
        sums[j] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sums[j]);
    }
    float sum = total(sums);
    for (; i < count; i++) sum += a[i] * b[i];
    return sum;
}

AVX2 static float squared_distance(const float *a, const float *b, size_t count) {
    __m256 sums[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            const __m256 apart = _mm256_sub_ps(_mm256_loadu_ps(a + i + j * LANES), _mm256_loadu_ps(b + i + j * LANES));
            sums[j] = _mm256_fmadd_ps(apart, apart, sums[j]);
        }
    }
    for (size_t j = 0; count - i >= LANES; i += LANES, j++) {
        const __m256 apart = _mm256_sub_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i));
        sums[j] = _mm256_fmadd_ps(apart, apart, sums[j]);
    }
    float sum = total(sums);
    for (; i < count; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

AVX2 static lacuna_float_sums dot_and_square(const float *a, const float *b, size_t count) {
    __m256 dots[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    __m256 squares[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            const __m256 row = _mm256_loadu_ps(b + i + j * LANES);
            dots[j] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + j * LANES), row, dots[j]);
            squares[j] = _mm256_fmadd_ps(row, row, squares[j]);
        }
    }
    for (size_t j = 0; count - i >= LANES; i += LANES, j++) {
        const __m256 row = _mm256_loadu_ps(b + i);
        dots[j] = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), row, dots[j]);
        squares[j] = _mm256_fmadd_ps(row, row, squares[j]);
    }
    lacuna_float_sums sums = {.dot = total(dots), .square = total(squares)};
    for (; i < count; i++) {
        sums.dot += a[i] * b[i];
        sums.square += b[i] * b[i];
    }
    return sums;
}

const lacuna_kernel lacuna_kernel_avx2 = {
    .name = "avx2", .dot = dot, .squared_distance = squared_distance, .dot_and_square = dot_and_square};

#endif
