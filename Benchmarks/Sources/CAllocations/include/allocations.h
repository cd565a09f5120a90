#pragma once

/* Calls of malloc, calloc, realloc and their aligned kin so far, by all threads of this process; -1 where they can't be
   counted: the definitions here stand before those of glibc. */
long allocations_so_far(void);
