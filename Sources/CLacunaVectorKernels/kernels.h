#ifndef LACUNA_KERNELS_H
#define LACUNA_KERNELS_H

#include <stddef.h>

/* a . b and b . b: the sums for the cosine of a row, computed in one pass over it. */
typedef struct {
    float dot;
    float square;
} lacuna_float_sums;

/*
 One way to add up two arrays of `count` floats, which need no alignment beyond a float's. The order of the additions
 depends on `count` alone, and no byte past the arrays is read.
*/
typedef struct {
    const char *name;
    float (*dot)(const float *a, const float *b, size_t count);
    float (*squared_distance)(const float *a, const float *b, size_t count);
    lacuna_float_sums (*dot_and_square)(const float *a, const float *b, size_t count);
} lacuna_kernel;

extern const lacuna_kernel lacuna_kernel_plain;
#if defined(__x86_64__)
extern const lacuna_kernel lacuna_kernel_avx2;
extern const lacuna_kernel lacuna_kernel_avx512;
#elif defined(__aarch64__)
extern const lacuna_kernel lacuna_kernel_neon;
#endif

/* The index-th kernel that this CPU can run, the best first; NULL past the last. */
const lacuna_kernel *lacuna_kernel_at(size_t index);

/* The same sums in double, in which no finite floats overflow or vanish. */
typedef struct {
    double dot;
    double square;
} lacuna_double_sums;

lacuna_double_sums lacuna_dot_and_square_in_double(const float *a, const float *b, size_t count);
double lacuna_squared_distance_in_double(const float *a, const float *b, size_t count);

#endif
