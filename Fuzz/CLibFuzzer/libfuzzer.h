#ifndef LACUNA_CLIBFUZZER_H
#define LACUNA_CLIBFUZZER_H

#include <stddef.h>
#include <stdint.h>

/* libFuzzer's entry for programs with a main of their own; the toolchain has the library, and no header of it. */
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test_one_input)(const uint8_t *data, size_t size));

#endif
