#if defined(__x86_64__)

#define NAME "avx2"
#define SYMBOL lacuna_kernel_avx2
#define TARGET __attribute__((target("avx2,fma,f16c")))
#define TILE_QUERIES 2
#define TILE_ROWS 2
#define CONVERTS_HALVES
#include "kernel_body.h"

#endif
