#include "kernels.h"

#include <string.h>

/*
 The kernel for any CPU: four floats side by side in the compiler's own vector type, which becomes what the target has, if
 only four scalars.
*/
enum { LANES = 4 };
typedef float floats __attribute__((vector_size(LANES * sizeof(float))));

static inline floats load(const float *values) {
    floats loaded;
    memcpy(&loaded, values, sizeof loaded);
    return loaded;
}

static inline float total(const floats sums[4]) {
    const floats four = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    return (four[0] + four[2]) + (four[1] + four[3]);
}

static float dot(const float *a, const float *b, size_t count) {
    floats sums[4] = {0};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            sums[j] += load(a + i + j * LANES) * load(b + i + j * LANES);
        }
    }
    for (size_t j = 0; count - i >= LANES; i += LANES, j++) {
        sums[j] += load(a + i) * load(b + i);
    }
    float sum = total(sums);
    for (; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static float squared_distance(const float *a, const float *b, size_t count) {
    floats sums[4] = {0};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            const floats apart = load(a + i + j * LANES) - load(b + i + j * LANES);
            sums[j] += apart * apart;
        }
    }
    for (size_t j = 0; count - i >= LANES; i += LANES, j++) {
        const floats apart = load(a + i) - load(b + i);
        sums[j] += apart * apart;
    }
    float sum = total(sums);
    for (; i < count; i++) sum += (a[i] - b[i]) * (a[i] - b[i]);
    return sum;
}

static lacuna_float_sums dot_and_square(const float *a, const float *b, size_t count) {
    floats dots[4] = {0};
    floats squares[4] = {0};
    size_t i = 0;
    for (; count - i >= 4 * LANES; i += 4 * LANES) {
        for (size_t j = 0; j < 4; j++) {
            const floats row = load(b + i + j * LANES);
            dots[j] += load(a + i + j * LANES) * row;
            squares[j] += row * row;
        }
    }
    for (size_t j = 0; count - i >= LANES; i += LANES, j++) {
        const floats row = load(b + i);
        dots[j] += load(a + i) * row;
        squares[j] += row * row;
    }
    lacuna_float_sums sums = {.dot = total(dots), .square = total(squares)};
    for (; i < count; i++) {
        sums.dot += a[i] * b[i];
        sums.square += b[i] * b[i];
    }
    return sums;
}

const lacuna_kernel lacuna_kernel_plain = {
    .name = "plain", .dot = dot, .squared_distance = squared_distance, .dot_and_square = dot_and_square};
