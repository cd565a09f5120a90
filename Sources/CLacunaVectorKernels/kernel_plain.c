/* This kernel is for any CPU: it uses the vectors that the compiler may use by default. */
#define NAME "plain"
#define SYMBOL lacuna_kernel_plain
#define TARGET
#define TILE_QUERIES 2
#define TILE_ROWS 1
#include "kernel_body.h"
