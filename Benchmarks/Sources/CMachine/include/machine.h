/// Loops that show what the machine itself can do with the same bytes.
#pragma once
#include <stddef.h>

/// What a loop adds up for each component of a row and of the query.
typedef enum { machine_products, machine_squared_differences, machine_products_and_squares } machine_sum;

/// Compares each row with the query, by the vector instructions that every machine of this kind has, or by AVX-512.
///
/// - Parameters:
///   - dimension: A multiple of 64.
/// - Returns: The largest result.
float machine_scan(const float *rows, size_t count, size_t dimension, const float *query, machine_sum sum, int avx512);

/// Whether the processor has AVX-512.
int machine_has_avx512(void);

/// Multiplies and adds, in registers only, `count` times.
///
/// - Returns: A value that depends on every step.
float machine_multiply_and_add(size_t count, int avx512);
