#include "CLacunaVectorKernels.h"

#include <string.h>

static uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static float with_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/*
 Rounds to nearest, ties to even. The exponents' biases are 15 and 127, and 13 bits of the fraction are lost. A number
 below 2^-14 becomes a multiple of 2^-24: the addition of 1/2 rounds to that.
*/
static uint16_t half(float value) {
    const uint32_t bits = bits_of(value);
    const uint32_t magnitude = bits & 0x7FFFFFFF;
    const uint32_t normal = (magnitude - (112u << 23) + 0xFFF + (magnitude >> 13 & 1)) >> 13;
    const uint32_t small = bits_of(with_bits(magnitude) + 0.5f) - bits_of(0.5f);
    return (uint16_t)((bits >> 16 & 0x8000) | (magnitude < 113u << 23 ? small : normal));
}

/* 65,520 lies halfway between 65,504, the largest half, and the next power of two, to which it would be rounded. */
static bool fits_half(float value) { return (value > -65520) & (value < 65520); }

/* The additions round to a whole number; they leave a whole number as it is. */
static bool fits_int8(float value) {
    return (value >= -128) & (value <= 127) & ((value + 0x1.8p23f) - 0x1.8p23f == value);
}

static bool fits(lacuna_element element, float value) {
    return element == LACUNA_FLOAT16 ? fits_half(value) : element == LACUNA_INT8 ? fits_int8(value) : true;
}

bool lacuna_narrow(lacuna_element element, const float *values, size_t count, void *narrowed, size_t *first_bad) {
    bool all_fit = true;
    for (size_t i = 0; i < count; i++) all_fit &= fits(element, values[i]);
    if (!all_fit) {
        size_t i = 0;
        while (fits(element, values[i])) i++;
        *first_bad = i;
        return false;
    }
    switch (element) {
    case LACUNA_FLOAT32: memcpy(narrowed, values, count * sizeof *values); break;
    case LACUNA_FLOAT16:
        for (size_t i = 0; i < count; i++) {
            const uint16_t bits = half(values[i]);
            memcpy((char *)narrowed + i * sizeof bits, &bits, sizeof bits);
        }
        break;
    case LACUNA_INT8:
        for (size_t i = 0; i < count; i++) ((int8_t *)narrowed)[i] = (int8_t)values[i];
        break;
    }
    return true;
}
