#if defined(__aarch64__)

/* Every 64-bit Arm application processor has NEON, so the compiler may use it by default. */
#define NAME "neon"
#define SYMBOL lacuna_kernel_neon
#define TARGET
#define TILE_QUERIES 2
#define TILE_ROWS 2
#define CONVERTS_HALVES
#include "kernel_body.h"

#endif
