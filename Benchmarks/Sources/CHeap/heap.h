#pragma once

#include <stdlib.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

/* Swift's module of the C library leaves this out. */
static inline void heap_trim(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
