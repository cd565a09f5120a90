#include "kernels.h"

/* Eight sums, which the compiler may keep in vectors; the last of them also take what is left over. */
enum { LANES = 8 };

static double total(const double sums[LANES]) {
    return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

lacuna_double_sums lacuna_dot_and_square_in_double(const float *a, const float *b, size_t count) {
    double dots[LANES] = {0};
    double squares[LANES] = {0};
    size_t i = 0;
    for (; count - i >= LANES; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            dots[j] += (double)a[i + j] * (double)b[i + j];
            squares[j] += (double)b[i + j] * (double)b[i + j];
        }
    }
    for (size_t j = 0; i + j < count; j++) {
        dots[j] += (double)a[i + j] * (double)b[i + j];
        squares[j] += (double)b[i + j] * (double)b[i + j];
    }
    return (lacuna_double_sums){.dot = total(dots), .square = total(squares)};
}

double lacuna_squared_distance_in_double(const float *a, const float *b, size_t count) {
    double sums[LANES] = {0};
    size_t i = 0;
    for (; count - i >= LANES; i += LANES) {
        for (size_t j = 0; j < LANES; j++) {
            const double apart = (double)a[i + j] - (double)b[i + j];
            sums[j] += apart * apart;
        }
    }
    for (size_t j = 0; i + j < count; j++) {
        const double apart = (double)a[i + j] - (double)b[i + j];
        sums[j] += apart * apart;
    }
    return total(sums);
}
