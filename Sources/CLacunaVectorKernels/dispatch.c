#include "CLacunaVectorKernels.h"
#include "kernels.h"

/*
 The CPU's features are read at each call, with a few loads from a table that is filled before main. So nothing need be
 initialised here, and threads can't race.
*/
const lacuna_kernel *lacuna_kernel_at(size_t index) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        if (index == 0) return &lacuna_kernel_avx512;
        index--;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c")) {
        if (index == 0) return &lacuna_kernel_avx2;
        index--;
    }
#elif defined(__aarch64__)
    /* Every 64-bit Arm application processor has NEON. */
    if (index == 0) return &lacuna_kernel_neon;
    index--;
#endif
    return index == 0 ? &lacuna_kernel_plain : NULL;
}

size_t lacuna_kernel_count(void) {
    size_t count = 1;
    while (lacuna_kernel_at(count) != NULL) count++;
    return count;
}

const char *lacuna_kernel_name_at(size_t kernel) {
    const lacuna_kernel *chosen = lacuna_kernel_at(kernel);
    if (chosen == NULL) __builtin_trap();
    return chosen->name;
}

const char *lacuna_kernel_name(void) { return lacuna_kernel_name_at(0); }
