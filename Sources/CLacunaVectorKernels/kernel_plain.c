/* For any CPU: whatever vectors the compiler may use without asking. */
#define NAME "plain"
#define SYMBOL lacuna_kernel_plain
#define TARGET
#define TILE_QUERIES 2
#define TILE_ROWS 1
#include "kernel_body.h"
