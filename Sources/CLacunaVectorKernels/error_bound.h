/*
 Bounds on the difference between a distance from float32 sums and the distance that a search reports, which is computed
 in double.

 The components of queries and rows are float32 values: those of the other elements are converted exactly.

 Sums are rounded to nearest, the mode in which processes begin. Let u = 2^-24 and g(n) = n u / (1 - n u). In a sum of
 products, each product is rounded once, and each lane of a block of 1,024 components adds up 64 of them; four more
 additions make one sum of the 16 lanes. The blocks are added in double, which rounds 2^29 times finer; there are at most
 64 of them, for 65,536 components. So (Higham, Accuracy and Stability of Numerical Algorithms, 2nd edition, lemma 3.1) a
 sum differs from a . b by at most

     g(69) sum(|a_i b_i|) <= g(69) |a| |b|,    g(69) = 4.113e-6

 A difference is rounded before it is squared, so a sum of squares differs from |a - b|^2 by at most g(71) = 4.232e-6 of
 itself. If a multiplication is fused with an addition, or several vectors share the sums, there are fewer roundings,
 and the bounds still hold. Sums in double differ from the true ones by at most (8,192 + 4) 2^-53 = 1e-12 of the same
 quantities. LACUNA_SUM_ERROR, 4.29e-6, is above all of these together.

 If a product falls below float32's range, up to 2^-126 is lost (a process may flush such small numbers to zero), and
 2^-110 with 65,536 products. If such small components are taken as zero, a norm loses up to 2^-118
 (sqrt(65,536) 2^-126), the norm of a difference up to 2^-117, and a dot product up to 2^-118 times the other norm.

 A sum that isn't finite proves nothing, so its row is kept.
*/
#ifndef LACUNA_ERROR_BOUND_H
#define LACUNA_ERROR_BOUND_H

#include "CLacunaVectorKernels.h"

#include <float.h>
#include <math.h>

static const double lost_products = 0x1p-110;
static const double lost_components = 0x1p-117;

/* A row is kept if its dot product is at least base + per_norm * norm. */
typedef struct {
    double base;
    double per_norm;
} lacuna_dot_limit;

/*
 The norm of a row from its float32 sum. It is NaN if the sum proves nothing; then the row is kept.

 With the cosine metric, its relative error is at most sum_error / 2 + 2^-31; rows shorter than 2^-40 get NaN. With
 other metrics it is not below the true norm.
*/
static inline double row_norm(lacuna_metric metric, double square, double sum_error) {
    if (metric == LACUNA_COSINE) {
        return square >= 0x1p-80 && square <= DBL_MAX ? __builtin_elementwise_sqrt(square) : NAN;
    }
    return square <= DBL_MAX ? __builtin_elementwise_sqrt(square + lost_products) * (1 + sum_error) : NAN;
}

/*
 A row with a dot product below this limit is left out, because its distance is above `limit`.

 With the cosine metric, both norms are at least 2^-40, so less than 2^-29 of their product is lost to underflow. Since
 |cos| <= 1, the error of the row's norm adds sum_error / 2 + 2^-31. The whole error is 1.5 sum_error + 2^-28; 2
 sum_error is used.
*/
static inline lacuna_dot_limit dot_limit(lacuna_metric metric, double query_norm, double limit, double sum_error) {
    if (metric == LACUNA_COSINE) {
        if (!(query_norm >= 0x1p-40)) return (lacuna_dot_limit){.base = 0, .per_norm = NAN};
        return (lacuna_dot_limit){.base = 0, .per_norm = (1 - limit - 2 * sum_error) * query_norm};
    }
    return (lacuna_dot_limit){.base = -limit - lost_components * query_norm - lost_products,
                              .per_norm = -sum_error * query_norm - lost_components};
}

/* A row with a squared distance above this is left out. A tenth of sum_error covers rounded squares and roots. */
static inline double square_limit(double limit, double sum_error) {
    const double root = limit + lost_components;
    return (root * root + lost_products) / (1 - 1.1 * sum_error);
}

/* A lower bound of the distance, by the same reasoning; -infinity if nothing is known. */
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
