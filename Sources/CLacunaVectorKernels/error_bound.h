/*
 How far a distance from float32 sums may be from the distance that a search reports, which is computed in double.

 With u = 2^-24 and g(n) = n u / (1 - n u): in a sum of products, each product is rounded once, and each lane of a block
 of 1,024 components adds up 64 of them; four more additions make one of 16 lanes. The blocks are added in double, which
 rounds 2^29 times finer; 64 of them at most, for 65,536 components. So (Higham, Accuracy and Stability of Numerical
 Algorithms, 2nd edition, lemma 3.1) a sum is at most

     g(69) sum(|a_i b_i|) <= g(69) |a| |b|,    g(69) = 4.113e-6

 from a . b, and, as a difference is rounded before it is squared, a sum of squares is at most g(71) = 4.232e-6 of itself
 from |a - b|^2. Fewer roundings, where a multiplication is fused with an addition or where several vectors take sums,
 keep within that. Sums in double are at most (8,192 + 4) 2^-53 = 1e-12 of the same quantities from the true ones.
 LACUNA_SUM_ERROR, 4.29e-6, is above all of these together.

 Where a product falls below float32's range, up to 2^-126 of it is lost (a process may flush what is so small to zero),
 of 65,536 products 2^-110. Where components that are so small are taken as zero, up to 2^-118 of a norm is lost
 (sqrt(65,536) 2^-126), and 2^-118 times the other norm of a dot product.

 A sum that isn't finite says nothing, and keeps its row.
*/
#ifndef LACUNA_ERROR_BOUND_H
#define LACUNA_ERROR_BOUND_H

#include "CLacunaVectorKernels.h"

#include <math.h>

static const double lost_products = 0x1p-110;
static const double lost_components = 0x1p-118;

/* A row is kept if its dot product is at least base + per_norm * norm. */
typedef struct {
    double base;
    double per_norm;
} lacuna_dot_limit;

/*
 The norm of a row from its float32 sum: not a number where it says nothing, which keeps the row.

 It is within sum_error / 2 + 2^-31 of the true one under the cosine, which isn't asked of shorter rows than 2^-40; with
 another metric it is above it.
*/
static inline double row_norm(lacuna_metric metric, double square, double sum_error) {
    if (!isfinite(square)) return NAN;
    if (metric == LACUNA_COSINE) return square >= 0x1p-80 ? sqrt(square) : NAN;
    return sqrt(square + lost_products) * (1 + sum_error);
}

/*
 A dot product that leaves a row out, as its distance is above `limit`.

 Under the cosine, with both norms at least 2^-40, what is lost is below 2^-29 of their product; the row's norm adds, as
 |cos| <= 1, sum_error / 2 + 2^-31: 1.5 sum_error and 2^-28 in all, for which 2 sum_error stand.
*/
static inline lacuna_dot_limit dot_limit(lacuna_metric metric, double query_norm, double limit, double sum_error) {
    if (metric == LACUNA_COSINE) {
        if (!(query_norm >= 0x1p-40)) return (lacuna_dot_limit){.base = 0, .per_norm = NAN};
        return (lacuna_dot_limit){.base = 0, .per_norm = (1 - limit - 2 * sum_error) * query_norm};
    }
    return (lacuna_dot_limit){.base = -limit - lost_components * query_norm - lost_products,
                              .per_norm = -sum_error * query_norm - lost_components};
}

/* A squared distance above this leaves a row out. A tenth of sum_error stands for the rounding of squares and roots. */
static inline double square_limit(double limit, double sum_error) {
    const double root = limit + lost_components;
    return (root * root + lost_products) / (1 - 1.1 * sum_error);
}

/* What the distance is at least, as above; -infinity where nothing is known. */
static inline double distance_bound(lacuna_metric metric, double query_norm, double sum, double norm,
                                    double sum_error) {
    double bound = -INFINITY;
    switch (metric) {
    case LACUNA_COSINE:
        if (query_norm >= 0x1p-40) bound = 1 - 2 * sum_error - sum / (query_norm * norm);
        break;
    case LACUNA_DOT: {
        const lacuna_dot_limit zero = dot_limit(metric, query_norm, 0, sum_error);
        bound = zero.base + zero.per_norm * norm - sum;
        break;
    }
    case LACUNA_EUCLIDEAN:
        bound = sqrt(fmax(0, sum * (1 - 1.1 * sum_error) - lost_products)) - lost_components;
        break;
    }
    return isfinite(sum) && !isnan(bound) ? bound : -INFINITY;
}

#endif
