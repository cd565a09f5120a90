#include "kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>

enum { LANES = 4 };

static inline float total(const float32x4_t sums[4]) {
    return vaddvq_f32(vaddq_f32(vaddq_f32(sums[0], sums[1]), vaddq_f32(sums[2], sums[3])));
}

static float dot(const float *a, const float *b, size_t count) {
    float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            sums[j] = vfmaq_f32(sums[j], vld1q_f32(a + i + j * LANES), vld1q_f32(b + i + j * LANES));
        }
    }
    for (size_t j = 0; count - i >= LANES; i += LANES, j++) {
        sums[j] = vfmaq_f32(sums[j], vld1q_f32(a + i), vld1q_f32(b + i));
    }
    float sum = total(sums);
    for (; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static float squared_distance(const float *a, const float *b, size_t count) {
    float32x4_t sums[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            const float32x4_t apart = vsubq_f32(vld1q_f32(a + i + j * LANES), vld1q_f32(b + i + j * LANES));
            sums[j] = vfmaq_f32(sums[j], apart, apart);
        }
    }
    for (size_t j = 0; count - i >= LANES; i += LANES, j++) {
        const float32x4_t apart = vsubq_f32(vld1q_f32(a + i), vld1q_f32(b + i));
        sums[j] = vfmaq_f32(sums[j], apart, apart);
    }
    float sum = total(sums);
    for (; i < count; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

static lacuna_float_sums dot_and_square(const float *a, const float *b, size_t count) {
    float32x4_t dots[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    float32x4_t squares[4] = {vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0), vdupq_n_f32(0)};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            const float32x4_t row = vld1q_f32(b + i + j * LANES);
            dots[j] = vfmaq_f32(dots[j], vld1q_f32(a + i + j * LANES), row);
            squares[j] = vfmaq_f32(squares[j], row, row);
        }
    }
    for (size_t j = 0; count - i >= LANES; i += LANES, j++) {
        const float32x4_t row = vld1q_f32(b + i);
        dots[j] = vfmaq_f32(dots[j], vld1q_f32(a + i), row);
        squares[j] = vfmaq_f32(squares[j], row, row);
    }
    lacuna_float_sums sums = {.dot = total(dots), .square = total(squares)};
    for (; i < count; i++) {
        sums.dot += a[i] * b[i];
        sums.square += b[i] * b[i];
    }
    return sums;
}

const lacuna_kernel lacuna_kernel_neon = {
    .name = "neon", .dot = dot, .squared_distance = squared_distance, .dot_and_square = dot_and_square};

#endif
