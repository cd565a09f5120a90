#include "CLacunaPlatform.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are loaded lowest byte first");

void lacuna_wal_checksum(const void *bytes, size_t count, bool big_endian, uint32_t *first, uint32_t *second) {
    const uint8_t *next = bytes;
    uint32_t a = *first, b = *second;
    for (; count >= 8; next += 8, count -= 8) {
        uint32_t words[2];
        memcpy(words, next, sizeof words);
        a += (big_endian ? __builtin_bswap32(words[0]) : words[0]) + b;
        b += (big_endian ? __builtin_bswap32(words[1]) : words[1]) + a;
    }
    *first = a;
    *second = b;
}
