/*
 The basis of a coder, by subspace iteration: the sample's second moments, applied again and again, turn any subspace
 towards the one in which the rows vary most (Golub and Van Loan, Matrix Computations, 4th edition, section 7.3.2). No
 bound depends on how near it comes: what a row has outside of the basis is measured when the row is coded.
*/

/* Adds to each of `count` sums a multiple of each of four rows. */
INLINE void add_multiples(const float *rows, size_t dimension, const float factors[4], float *sums) {
    for (size_t i = 0; i < dimension; i++) {
        sums[i] += factors[0] * rows[i] + factors[1] * rows[dimension + i] + factors[2] * rows[2 * dimension + i] +
                   factors[3] * rows[3 * dimension + i];
    }
}

/* Makes row `k` of a basis orthogonal to the rows before it, and of length 1. */
TARGET static void orthonormalise(float *basis, size_t k, size_t dimension) {
    float *row = basis + k * dimension;
    /* What rounding leaves the first time, the second time takes away. */
    for (int repetition = 0; repetition < 2; repetition++) {
        for (size_t j = 0; j < k; j++) {
            const float *other = basis + j * dimension;
            const float factor = (float)dot_of_floats(row, other, dimension);
            for (size_t i = 0; i < dimension; i++) row[i] -= factor * other[i];
        }
        const double norm = sqrt(square(row, dimension));
        const float inverse = norm > 0 ? (float)(1 / norm) : 0;
        for (size_t i = 0; i < dimension; i++) row[i] *= inverse;
    }
}

TARGET static void improve_basis(const lacuna_coder *coder, const float *rows, size_t count, float *basis,
                                 float *work) {
    const size_t dimension = coder->dimension;
    const size_t components = coder->components;
    float *sums = work;
    float *centred = sums + components * dimension;
    float *projected = centred + LACUNA_BLOCK_ROWS * dimension;
    lacuna_coder current = *coder;
    current.basis = basis;
    memset(sums, 0, components * dimension * sizeof *sums);
    for (size_t start = 0; start < count; start += LACUNA_BLOCK_ROWS) {
        memset(centred, 0, LACUNA_BLOCK_ROWS * dimension * sizeof *centred);
        for (size_t i = 0; i < LACUNA_BLOCK_ROWS && start + i < count; i++) {
            float *row = centred + i * dimension;
            if (!centre(coder, rows + (start + i) * dimension, row).is_coded) memset(row, 0, dimension * sizeof *row);
        }
        project(&current, centred, LACUNA_BLOCK_ROWS, projected);
        for (size_t k = 0; k < components; k++) {
            for (size_t i = 0; i < LACUNA_BLOCK_ROWS; i += 4) {
                float factors[4];
                for (size_t j = 0; j < 4; j++) factors[j] = projected[(i + j) * components + k];
                add_multiples(centred + i * dimension, dimension, factors, sums + k * dimension);
            }
        }
    }
    /* The components in which the rows vary most come first. */
    double squares[LACUNA_MOST_BASIS_COMPONENTS];
    for (size_t k = 0; k < components; k++) squares[k] = square(sums + k * dimension, dimension);
    for (size_t k = 0; k < components; k++) {
        size_t first = 0;
        for (size_t j = 1; j < components; j++) first = squares[j] > squares[first] ? j : first;
        squares[first] = -1;
        memcpy(basis + k * dimension, sums + first * dimension, dimension * sizeof *basis);
        orthonormalise(basis, k, dimension);
    }
}

TARGET static void mean_of_rows(lacuna_metric metric, const float *rows, size_t count, size_t dimension,
                                float *mean) {
    memset(mean, 0, dimension * sizeof *mean);
    for (size_t row = 0; row < count; row++) {
        const float *values = rows + row * dimension;
        const double norm = sqrt(square(values, dimension));
        if (!(norm >= least_number && norm <= most_norm)) continue;
        const double factor = 1 / ((metric == LACUNA_COSINE ? norm : 1) * (double)count);
        for (size_t i = 0; i < dimension; i++) mean[i] += (float)(values[i] * factor);
    }
}
