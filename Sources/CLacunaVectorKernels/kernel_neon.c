#if defined(__aarch64__)

/* Part of every 64-bit Arm application processor, so that the compiler needs no leave to use it. */
#define NAME "neon"
#define SYMBOL lacuna_kernel_neon
#define TARGET
#define TILE_QUERIES 2
#define TILE_ROWS 2
#include "kernel_body.h"

#endif
