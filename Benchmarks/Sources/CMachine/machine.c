#include "machine.h"

// All functions with vectors of this length are part of functions that are compiled for AVX-512 or for AVX2.
#pragma clang diagnostic ignored "-Wpsabi"

// Sixteen floats, which the compiler turns into the registers that the target has.
typedef float floats __attribute__((vector_size(64), aligned(4)));

enum { lanes = 16, sums = 4 };

__attribute__((always_inline)) static inline float total(floats value) {
    float sum = 0;
    for (int lane = 0; lane < lanes; lane++) sum += value[lane];
    return sum;
}

__attribute__((always_inline)) static inline float scan(const float *rows, size_t count, size_t dimension,
                                                        const float *query, machine_sum sum) {
    float best = -__builtin_inff();
    for (size_t row = 0; row < count; row++) {
        const float *x = rows + row * dimension;
        floats a[sums] = {}, b[sums] = {};
        for (size_t at = 0; at < dimension; at += lanes * sums) {
            for (int part = 0; part < sums; part++) {
                const floats left = *(const floats *)(x + at + part * lanes);
                const floats right = *(const floats *)(query + at + part * lanes);
                const floats difference = left - right;
                a[part] += sum == machine_squared_differences ? difference * difference : left * right;
                if (sum == machine_products_and_squares) b[part] += left * left;
            }
        }
        const float result = total((a[0] + a[1]) + (a[2] + a[3])) + total((b[0] + b[1]) + (b[2] + b[3]));
        if (result > best) best = result;
    }
    return best;
}

__attribute__((always_inline)) static inline float dispatch(const float *rows, size_t count, size_t dimension,
                                                            const float *query, machine_sum sum) {
    switch (sum) {
    case machine_products: return scan(rows, count, dimension, query, machine_products);
    case machine_squared_differences: return scan(rows, count, dimension, query, machine_squared_differences);
    case machine_products_and_squares: return scan(rows, count, dimension, query, machine_products_and_squares);
    }
    return 0;
}

__attribute__((always_inline)) static inline float multiply_and_add(size_t count) {
    enum { chains = 12 };
    floats values[chains];
    for (int chain = 0; chain < chains; chain++) values[chain] = (floats){} + (float)chain;
    const floats factor = (floats){} + 0.999f, addend = (floats){} + 0.001f;
    for (size_t done = 0; done < count; done += chains * lanes) {
        for (int chain = 0; chain < chains; chain++) values[chain] = values[chain] * factor + addend;
    }
    floats all = {};
    for (int chain = 0; chain < chains; chain++) all += values[chain];
    return total(all);
}

#if defined(__x86_64__)
int machine_has_avx512(void) { return __builtin_cpu_supports("avx512f"); }

__attribute__((target("avx512f"))) static float scan_avx512(const float *rows, size_t count, size_t dimension,
                                                           const float *query, machine_sum sum) {
    return dispatch(rows, count, dimension, query, sum);
}

__attribute__((target("avx512f"))) static float multiply_and_add_avx512(size_t count) {
    return multiply_and_add(count);
}
#else
int machine_has_avx512(void) { return 0; }
#define scan_avx512 dispatch
#define multiply_and_add_avx512 multiply_and_add
#endif

float machine_scan(const float *rows, size_t count, size_t dimension, const float *query, machine_sum sum, int avx512) {
    return avx512 ? scan_avx512(rows, count, dimension, query, sum) : dispatch(rows, count, dimension, query, sum);
}

float machine_multiply_and_add(size_t count, int avx512) {
    return avx512 ? multiply_and_add_avx512(count) : multiply_and_add(count);
}
