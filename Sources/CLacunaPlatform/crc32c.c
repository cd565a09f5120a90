#include "CLacunaPlatform.h"

#include <pthread.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_acle.h>
#if defined(__linux__)
#include <sys/auxv.h>
#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif
#endif
#endif

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "eight bytes are loaded as one integer, lowest first");

/* Castagnoli's polynomial with its bits reversed: bit 31 is the coefficient of x^0. x^32 is implied. */
static const uint32_t polynomial = 0x82F63B78;

static inline uint64_t load_8_bytes(const uint8_t *bytes) {
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return word;
}

#if defined(__x86_64__)

/*
 The crc32 instruction takes three cycles, but one can start in each cycle, so long input is cut into three lanes that
 are computed side by side. Lane A is followed by 2 * LANE_BYTES of input and lane B by LANE_BYTES; a CRC moves past n
 bytes by a multiplication with x^(8n) modulo the polynomial. The carry-less product of two reversed 32-bit values
 stands for A * B * x, and the crc32 instruction with a register of 0 multiplies by x^32 and reduces: hence the
 constants are x^(8n - 33) modulo the polynomial, and products may be added before the one reduction.
*/
enum { LANE_BYTES = 256 };
static const uint32_t past_one_lane = 0xB9E02B86;
static const uint32_t past_two_lanes = 0xDD7E3B0C;

static bool has_hardware_crc(void) { return __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"); }

__attribute__((target("sse4.2,pclmul")))
static uint64_t product(uint64_t state, uint32_t factor) {
    const __m128i wide = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)state), _mm_cvtsi64_si128(factor), 0);
    return (uint64_t)_mm_cvtsi128_si64(wide);
}

__attribute__((target("sse4.2,pclmul")))
static uint32_t extend_in_hardware(uint32_t state, const uint8_t *bytes, size_t count) {
    uint64_t a = state;
    for (; count >= 3 * LANE_BYTES; bytes += 3 * LANE_BYTES, count -= 3 * LANE_BYTES) {
        uint64_t b = 0, c = 0;
        for (size_t i = 0; i < LANE_BYTES; i += 8) {
            a = _mm_crc32_u64(a, load_8_bytes(bytes + i));
            b = _mm_crc32_u64(b, load_8_bytes(bytes + LANE_BYTES + i));
            c = _mm_crc32_u64(c, load_8_bytes(bytes + 2 * LANE_BYTES + i));
        }
        a = c ^ _mm_crc32_u64(0, product(a, past_two_lanes) ^ product(b, past_one_lane));
    }
    for (; count >= 8; bytes += 8, count -= 8) a = _mm_crc32_u64(a, load_8_bytes(bytes));
    for (; count > 0; bytes++, count--) a = _mm_crc32_u8((uint32_t)a, *bytes);
    return (uint32_t)a;
}

#elif defined(__aarch64__)

static bool has_hardware_crc(void) {
#if defined(__APPLE__)
    return true;
#elif defined(__linux__)
    return (getauxval(AT_HWCAP) & HWCAP_CRC32) != 0;
#else
    return false;
#endif
}

__attribute__((target("crc")))
static uint32_t extend_in_hardware(uint32_t state, const uint8_t *bytes, size_t count) {
    for (; count >= 8; bytes += 8, count -= 8) state = __crc32cd(state, load_8_bytes(bytes));
    for (; count > 0; bytes++, count--) state = __crc32cb(state, *bytes);
    return state;
}

#else

static bool has_hardware_crc(void) { return false; }

static uint32_t extend_in_hardware(uint32_t state, const uint8_t *bytes, size_t count) {
    (void)bytes, (void)count;
    return state;
}

#endif

/* table[k][byte] is the register after `byte` and k zero bytes. */
static uint32_t table[8][256];
static pthread_once_t table_once = PTHREAD_ONCE_INIT;

static void fill_table(void) {
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t state = byte;
        for (int bit = 0; bit < 8; bit++) state = (state >> 1) ^ ((state & 1) ? polynomial : 0);
        table[0][byte] = state;
    }
    for (int zeros = 1; zeros < 8; zeros++) {
        for (uint32_t byte = 0; byte < 256; byte++) {
            const uint32_t before = table[zeros - 1][byte];
            table[zeros][byte] = (before >> 8) ^ table[0][before & 0xFF];
        }
    }
}

/* Slicing by 8: it takes eight bytes at a time, by eight look-ups that don't depend on one another. */
static uint32_t extend_by_table(uint32_t state, const uint8_t *bytes, size_t count) {
    pthread_once(&table_once, fill_table);
    for (; count >= 8; bytes += 8, count -= 8) {
        const uint64_t word = load_8_bytes(bytes) ^ state;
        state = 0;
        for (int i = 0; i < 8; i++) state ^= table[7 - i][(word >> (8 * i)) & 0xFF];
    }
    for (; count > 0; bytes++, count--) state = (state >> 8) ^ table[0][(state ^ *bytes) & 0xFF];
    return state;
}

uint32_t lacuna_crc32c(uint32_t crc, const void *bytes, size_t count) {
    /* The register holds the complement, so that leading and trailing zero bytes change the result. */
    const uint32_t state = ~crc;
    return ~(has_hardware_crc() ? extend_in_hardware(state, bytes, count) : extend_by_table(state, bytes, count));
}
