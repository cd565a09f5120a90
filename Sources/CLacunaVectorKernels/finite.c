#include "CLacunaVectorKernels.h"

#include <string.h>

/* Long enough for vector code, and short enough to be searched again for the one bad value. */
enum { STRETCH = 64 };

/* A NaN or an infinity has all exponent bits set. This checks the bits, so that no compiler flag can remove the check. */
static uint32_t is_bad(const float *value) {
    uint32_t bits;
    memcpy(&bits, value, sizeof bits);
    return (bits & 0x7F800000) == 0x7F800000;
}

static bool any_bad(const float *values, size_t count) {
    uint32_t bad = 0;
    for (size_t i = 0; i < count; i++) bad |= is_bad(values + i);
    return bad != 0;
}

bool lacuna_all_finite(const float *values, size_t count, size_t *first_bad) {
    for (size_t start = 0; start < count; start += STRETCH) {
        const size_t length = count - start < STRETCH ? count - start : STRETCH;
        if (!any_bad(values + start, length)) continue;
        size_t i = start;
        while (!is_bad(values + i)) i++;
        *first_bad = i;
        return false;
    }
    return true;
}
