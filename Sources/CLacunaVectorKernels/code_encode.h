/*
 Codes of rows and queries, and the bounds that make them useful.

 The coded part u of a row x is x - m, with m the mean; under the cosine metric it is x / |x| - m, with the query
 q / |q| likewise. Let v = q - m. A distance depends on the score u . v - a, where a is the row's offset:

     cosine       1 - q . x = 1 - m . q - (u . v - a)                  with a = -(u . m)
     dot          -(q . x)  = -(m . q) - (u . v - a)                   with a = -(u . m)
     euclidean    |q - x|^2 = |v|^2 - 2 (u . v - a)                    with a = |u|^2 / 2

 So a row is within a distance only if its score reaches a limit. A search needs an upper bound of the score.

 Let P be the basis, with rows that are nearly orthonormal: d = |P P^T - I|. With u' = u - P^T P u, and v' likewise,

     u . v = (P u) . (P v) + u' . v' + (P u') . (P v),   |P u'| <= d |P u|,   |u'|^2 <= |u|^2 - (1 - d) |P u|^2

 The components of P u are computed in float32, as y: |P u - y| <= LACUNA_SUM_ERROR sqrt(components (1 + d)) |u|, of
 which 6e-8 are for rounding the sums, which are in double (error_bound.h needs 4.113e-6 of 4.29e-6). They
 are coded as y = s c + r, with the scale s and whole numbers c within -127 ... 127, and w = P v as w = t e + z, with e
 within -16,256 ... 16,256. So

     (P u) . (P v) <= s t (c . e) + s 127 sqrt(components) |z| + (|r| + |P u - y|) |w|

 and the upper bound of u . v is

     s (t (c . e) + 127 sqrt(components) |z|) + E |w| + |u'| |v'|,   E = |r| + |P u - y| + d |P u|

 Without a basis, P is the identity, d, |P u - y|, u' and v' are 0.

 The row stores a, s, E and |u'|; the last two are rounded up to eight bits. What rounding does:

 - u is rounded to float32, and the score is computed in float32: the errors are below 2^-20 |u| |w| and 2^-21 |a|. E is
   raised by 2^-18 (|x| + |u|), and a is lowered by 2^-20 of itself.
 - u rounded differs from u by 2^-24 |u|, which v multiplies, and not only w. The query's factor of E is |w| +
   2^-5 (|v| + |q|), so that 2^-23 (|x| + |u|) (|v| + |q|) is added. This also covers distances, which are computed in
   double.
 - The query's other numbers are computed in double, and raised by 2^-16 of themselves.
 - No number overflows: norms are at most 2^60. Numbers below 2^-100 are raised to it, or lost: a limit is lowered by
   2^-100.
*/
#include "kernels.h"

#include <math.h>
#include <string.h>

static const double most_norm = 0x1p60;
static const double least_number = 0x1p-100;
enum { MOST_CODE = 127, MOST_QUERY_CODE = 128 * MOST_CODE, ENCODED_LANES = 64, MOST_DIMENSION = 65536 };

/* The least float that is not below a number. */
INLINE float raised(double value) {
    const float rounded = (float)value;
    return rounded < value ? nextafterf(rounded, INFINITY) : rounded;
}

INLINE float lowered(double value) { return -raised(-value); }

/* The upper half of the least float with a lower half of zeros that is not below a number. */
INLINE uint16_t raised_half(double value) {
    const float rounded = raised(value < least_number ? least_number : value);
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    return (uint16_t)((bits + 0xFFFF) >> 16);
}

TARGET static double dot_of_floats(const float *left, const float *right, size_t count) {
#pragma clang fp reassociate(on)
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += (double)left[i] * right[i];
    return sum;
}

INLINE double square(const float *values, size_t count) { return dot_of_floats(values, values, count); }

TARGET static double dot_in_double(const float *floats, const double *doubles, size_t count) {
#pragma clang fp reassociate(on)
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += floats[i] * doubles[i];
    return sum;
}

TARGET static double square_in_double(const double *values, size_t count) {
#pragma clang fp reassociate(on)
    double sum = 0;
    for (size_t i = 0; i < count; i++) sum += values[i] * values[i];
    return sum;
}

/* The largest absolute value. Without their signs, floats are in the order of their bits. */
INLINE float largest(const float *values, size_t count) {
    uint32_t most = 0;
    for (size_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, values + i, sizeof bits);
        bits &= 0x7FFFFFFF;
        most = bits > most ? bits : most;
    }
    float value;
    memcpy(&value, &most, sizeof value);
    return value;
}

/* Adding and subtracting 1.5 * 2^23 rounds to a whole number. */
INLINE void encode_lanes(const float *values, size_t count, float inverse, int8_t *encoded, float *squares) {
    for (size_t i = 0; i < count; i++) {
        const float whole = values[i] * inverse;
        const float code = (whole + 0x1.8p23f) - 0x1.8p23f;
        encoded[i] = (int8_t)(int32_t)code;
        squares[i] += (whole - code) * (whole - code);
    }
}

/*
 Codes values as whole numbers of a scale, within -127 ... 127. `rest` gets a bound of the norm of what that leaves out:
 a value in units of the scale is known to 127 * 2^-23, and the sum of squares is at most a part in 2^7 too low.
*/
TARGET static float encode_values(const float *values, size_t count, int8_t *encoded, double *rest) {
    const float scale = largest(values, count) / MOST_CODE;
    if (scale < (float)least_number) {
        memset(encoded, 0, count);
        *rest = sqrt(square(values, count)) * (1 + 0x1p-20) + least_number;
        return 0;
    }
    float squares[ENCODED_LANES] = {0};
    size_t i = 0;
    for (; count - i >= ENCODED_LANES; i += ENCODED_LANES) {
        encode_lanes(values + i, ENCODED_LANES, 1 / scale, encoded + i, squares);
    }
    encode_lanes(values + i, count - i, 1 / scale, encoded + i, squares);
    double sum = 0;
    for (size_t lane = 0; lane < ENCODED_LANES; lane++) sum += squares[lane];
    *rest = scale * (sqrt(sum) * (1 + 0x1p-7) + sqrt((double)count) * 0x1p-16);
    return scale;
}

/* A row without its mean. */
typedef struct {
    double row_norm; /* of the row, or of the row divided by its norm */
    double norm;
    double offset;
    bool is_coded;
} centred_row;

TARGET static centred_row centre(const lacuna_coder *coder, const float *row, float *centred) {
    const double row_norm = sqrt(square(row, coder->dimension));
    const bool is_cosine = coder->metric == LACUNA_COSINE;
    centred_row found = {.row_norm = is_cosine ? 1 : row_norm};
    if (!(row_norm <= most_norm) || (is_cosine && row_norm < least_number)) return found;
    const double factor = is_cosine ? 1 / row_norm : 1;
    for (size_t i = 0; i < coder->dimension; i++) centred[i] = (float)(row[i] * factor - coder->mean[i]);
    const double centred_square = square(centred, coder->dimension);
    const double dot = dot_of_floats(centred, coder->mean, coder->dimension);
    found.norm = sqrt(centred_square);
    found.offset = coder->metric == LACUNA_EUCLIDEAN ? centred_square / 2 : -dot;
    found.is_coded = found.norm <= most_norm;
    return found;
}

INLINE block_values *values_of(const lacuna_coder *coder, char *block) {
    return (block_values *)(void *)(block + padded(coder->components) * LACUNA_BLOCK_ROWS);
}

/* Adds one row, the components of which are given, to a block. */
TARGET static void encode_first(const lacuna_coder *coder, const centred_row *centred, const float *components,
                                size_t row, char *block) {
    int8_t encoded[MOST_DIMENSION];
    block_values *values = values_of(coder, block);
    double rest;
    values->scales[row] = encode_values(components, coder->components, encoded, &rest);
    for (size_t i = 0; i < coder->components; i++) {
        block[(i / GROUP_COMPONENTS * LACUNA_BLOCK_ROWS + row) * GROUP_COMPONENTS + i % GROUP_COMPONENTS] = encoded[i];
    }
    double error = rest + 0x1p-18 * (centred->row_norm + centred->norm);
    if (coder->basis != NULL) {
        const double inexact =
            LACUNA_SUM_ERROR * sqrt((double)coder->components * (1 + coder->deviation)) * centred->norm;
        const double norm = sqrt(square(components, coder->components));
        const double least = norm > inexact ? norm - inexact : 0;
        const double outside =
            centred->norm * centred->norm * (1 + 0x1p-30) - (1 - coder->deviation) * least * least;
        error += inexact + coder->deviation * (norm + inexact);
        values->rests[row] = raised_half(outside > 0 ? sqrt(outside) * (1 + 0x1p-20) : 0);
    }
    values->errors[row] = raised_half(error * (1 + 0x1p-20));
    values->offsets[row] = lowered(centred->offset - 0x1p-20 * fabs(centred->offset) - least_number);
}

TARGET static void encode_second(const lacuna_coder *coder, const centred_row *centred, const float *components,
                                 char *second) {
    double rest;
    const float scale = encode_values(components, coder->dimension, (int8_t *)(void *)second, &rest);
    const float error = raised((rest + 0x1p-18 * (centred->row_norm + centred->norm)) * (1 + 0x1p-20));
    memcpy(second + padded(coder->dimension), &scale, sizeof scale);
    memcpy(second + padded(coder->dimension) + sizeof scale, &error, sizeof error);
}

/* Computes the components of rows in the basis, and writes each row's after the other's. */
TARGET static void project(const lacuna_coder *coder, const float *rows, size_t count, float *projected) {
    const lacuna_kernel *kernel = lacuna_kernel_at(0);
    const size_t stride = coder->dimension * sizeof(float);
    double dots[LACUNA_MOST_TILE_QUERIES * LACUNA_MOST_ROWS];
    double squares[LACUNA_MOST_ROWS];
    for (size_t i = 0, some; i < coder->components; i += some) {
        const float *basis = coder->basis + i * coder->dimension;
        if (coder->components - i >= kernel->tile_queries) {
            some = kernel->tile_queries;
            kernel->tile_dots(LACUNA_FLOAT32, basis, (const char *)rows, stride, count, coder->dimension, dots);
        } else {
            some = 1;
            kernel->dots_and_squares(LACUNA_FLOAT32, basis, (const char *)rows, stride, count, coder->dimension, dots,
                                     squares);
        }
        for (size_t j = 0; j < some; j++) {
            for (size_t row = 0; row < count; row++) {
                projected[row * coder->components + i + j] = (float)dots[j * LACUNA_MOST_ROWS + row];
            }
        }
    }
}

TARGET static void encode(const lacuna_coder *coder, const float *rows, size_t stride, size_t count, void *block,
                          void *second, float *work) {
    const size_t dimension = coder->dimension;
    const size_t second_bytes = second == NULL ? 0 : lacuna_second_level_bytes(coder);
    if (second_bytes > 0) memset(second, 0, LACUNA_BLOCK_ROWS * second_bytes);
    memset(block, 0, lacuna_block_bytes(coder));
    memset(work, 0, LACUNA_BLOCK_ROWS * dimension * sizeof *work);
    centred_row centred[LACUNA_BLOCK_ROWS] = {{0}};
    for (size_t row = 0; row < count; row++) {
        const float *values = (const float *)(const void *)((const char *)rows + row * stride);
        centred[row] = centre(coder, values, work + row * dimension);
    }
    const float *components = work;
    if (coder->basis != NULL) {
        float *projected = work + LACUNA_BLOCK_ROWS * dimension;
        project(coder, work, count, projected);
        components = projected;
    }
    for (size_t row = 0; row < LACUNA_BLOCK_ROWS; row++) {
        if (!centred[row].is_coded) {
            /* With infinite errors, no search leaves the row out. */
            const float error = INFINITY;
            values_of(coder, block)->errors[row] = raised_half(error);
            if (second_bytes > 0) {
                memcpy((char *)second + (row + 1) * second_bytes - sizeof error, &error, sizeof error);
            }
            continue;
        }
        encode_first(coder, &centred[row], components + row * coder->components, row, block);
        if (second_bytes > 0) {
            encode_second(coder, &centred[row], work + row * dimension, (char *)second + row * second_bytes);
        }
    }
}

/*
 Codes one level of a query: `encoded`, which is zero, gets the high parts, then the low ones. Adding 1.5 * 2^52 rounds.
*/
TARGET static lacuna_query_code encode_query_values(const double *values, size_t components, int8_t *encoded) {
    lacuna_query_code code = {.high = encoded, .low = encoded + padded(components)};
    double most = 0;
    for (size_t i = 0; i < components; i++) most = fabs(values[i]) > most ? fabs(values[i]) : most;
    /* The scale is not below most / MOST_QUERY_CODE, so no whole number is above MOST_QUERY_CODE. */
    const float scale = raised(most / MOST_QUERY_CODE);
    double left = 0;
    if (scale < (float)least_number) {
        left = square_in_double(values, components);
    } else {
        code.scale = scale;
        const double inverse = 1.0 / scale;
        for (size_t i = 0; i < components; i++) {
            const double whole = (values[i] * inverse + 0x1.8p52) - 0x1.8p52;
            const double high = (whole / 128 + 0x1.8p52) - 0x1.8p52;
            const double apart = values[i] - scale * whole;
            encoded[i] = (int8_t)(int32_t)high;
            encoded[padded(components) + i] = (int8_t)(int32_t)(whole - 128 * high);
            code.high_total += encoded[i];
            code.low_total += encoded[padded(components) + i];
            left += apart * apart;
        }
    }
    code.scale_error = raised((MOST_CODE * sqrt((double)components * left) + least_number) * (1 + 0x1p-16));
    return code;
}

TARGET static lacuna_coded_query encode_query(const lacuna_coder *coder, const float *query, int8_t *encoded,
                                              double *work) {
    const size_t dimension = coder->dimension;
    const bool is_cosine = coder->metric == LACUNA_COSINE;
    int8_t *second = encoded + 2 * padded(coder->components);
    lacuna_coded_query coded = {.first = {.high = encoded, .low = encoded + padded(coder->components)},
                                .second = {.high = second, .low = second + padded(dimension)}};
    memset(encoded, 0, lacuna_query_code_bytes(coder));
    const double query_norm = sqrt(square(query, dimension));
    if (!(query_norm <= most_norm) || (is_cosine && query_norm < least_number)) return coded;
    const double factor = is_cosine ? 1 / query_norm : 1;
    for (size_t i = 0; i < dimension; i++) work[i] = query[i] * factor - coder->mean[i];
    coded.mean_dot = dot_in_double(coder->mean, work, dimension) + square(coder->mean, dimension);
    coded.square = square_in_double(work, dimension);
    const double norm = sqrt(coded.square);
    if (!(norm <= most_norm)) return coded;
    const double extra = 0x1p-5 * (norm + query_norm * factor) + least_number;
    const double *components = work;
    if (coder->basis != NULL) {
        double *projected = work + dimension;
        for (size_t i = 0; i < coder->components; i++) {
            projected[i] = dot_in_double(coder->basis + i * dimension, work, dimension);
        }
        components = projected;
    }
    const double first_square = square_in_double(components, coder->components);
    coded.first = encode_query_values(components, coder->components, encoded);
    coded.first.error_factor = raised((sqrt(first_square) + extra) * (1 + 0x1p-16));
    if (coder->basis != NULL) {
        const double outside = coded.square - (1 - coder->deviation) * first_square;
        coded.first.rest_factor =
            raised(((outside > 0 ? sqrt(outside) : 0) + 0x1p-20 * norm + least_number) * (1 + 0x1p-16));
        coded.second = encode_query_values(work, dimension, second);
        coded.second.error_factor = raised((norm + extra) * (1 + 0x1p-16));
    }
    coded.is_coded = true;
    return coded;
}
