#if defined(__x86_64__)

#define NAME "avx512"
#define SYMBOL lacuna_kernel_avx512
#define TARGET __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,fma")))
#define TILE_QUERIES 4
#define TILE_ROWS 4
#define CONVERTS_HALVES
#include "kernel_body.h"

#endif
