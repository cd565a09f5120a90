#ifndef LACUNA_CODES_H
#define LACUNA_CODES_H

/*
 Codes: a short form of rows, by which a search leaves out most rows without reading them.

 A coder approximates each row in two levels, and knows for each a bound on the error: see code_encode.h. The first
 level holds the row's first principal components, or all of its own components, as int8; the second holds all of the
 row's own components, and exists if the first doesn't. Rows are coded without their mean, and for the cosine metric
 also divided by their norm.

 The first level lies in blocks of 16 rows: for each four components, the four codes of the first row, of the second,
 and so on; then the offset, the scale, and the two errors of each row. The second level lies row by row.
*/
enum {
    LACUNA_BLOCK_ROWS = 16,
    /* The most blocks in one call. */
    LACUNA_MOST_BLOCKS = 16,
    LACUNA_MOST_CODED_CANDIDATES = LACUNA_MOST_BLOCKS * LACUNA_BLOCK_ROWS,
    /* The most components of a basis. */
    LACUNA_MOST_BASIS_COMPONENTS = 512,
    /* The bytes of a row of the second level that aren't components. */
    LACUNA_SECOND_LEVEL_EXTRA_BYTES = 8
};

typedef struct {
    lacuna_metric metric;
    size_t dimension;  /* 1 to 65,536 */
    size_t components; /* of the first level: `dimension` if there is no basis, and else fewer */
    const float *mean; /* `dimension` floats */
    const float *basis; /* `components` rows of `dimension` floats; NULL: a row's own components are coded */
    double deviation;  /* lacuna_basis_deviation of the basis; 0 without one */
} lacuna_coder;

/* The bytes of a block and of a row of the second level, 0 if there is none; multiples of 8. */
size_t lacuna_block_bytes(const lacuna_coder *coder);
size_t lacuna_second_level_bytes(const lacuna_coder *coder);

/* The mean of rows without padding between them; for the cosine metric, of the rows divided by their norms. */
void lacuna_mean_of_rows(lacuna_metric metric, const float *rows, size_t count, size_t dimension, float *mean);

/*
 Turns a basis of coder->components rows towards the principal components of some rows, the first of which comes first.
 It begins with any rows, and is good after some calls. coder->basis isn't used. `work` has room for
 components * dimension + 16 * (dimension + components) floats.
*/
void lacuna_improve_basis(const lacuna_coder *coder, const float *rows, size_t count, float *basis, float *work);

/* How far the rows of a basis are from being orthonormal: the Frobenius norm of basis . basis^T - identity. */
double lacuna_basis_deviation(const float *basis, size_t components, size_t dimension);

/*
 Codes up to 16 rows, `stride` bytes apart. A missing row, and one that can't be coded (one with a NaN, the zero row
 under the cosine metric), is coded so that no search leaves it out.

   block    lacuna_block_bytes
   second   16 times lacuna_second_level_bytes; NULL: the second level isn't coded
   work     room for 16 * (dimension + components) floats
*/
void lacuna_encode(const lacuna_coder *coder, const float *rows, size_t stride, size_t count, void *block,
                   void *second, float *work);

/* A query in the form of one level. */
typedef struct {
    const int8_t *high; /* component / scale = 128 high + low */
    const int8_t *low;
    int32_t high_total; /* the sums of these */
    int32_t low_total;
    float scale;
    float scale_error; /* times a row's scale: what the query's rounding adds at most */
    float error_factor; /* times a row's error */
    float rest_factor;  /* times a row's rest */
} lacuna_query_code;

typedef struct {
    lacuna_query_code first;
    lacuna_query_code second;
    double square;   /* of the query without the mean */
    double mean_dot; /* of the query and the mean */
    bool is_coded;   /* false if codes say nothing about this query: one with a huge norm, or a zero norm under cosine */
} lacuna_coded_query;

/* The bytes that lacuna_encode_query writes to `codes`; `work` has room for `dimension` + `components` doubles. */
size_t lacuna_query_code_bytes(const lacuna_coder *coder);
lacuna_coded_query lacuna_encode_query(const lacuna_coder *coder, const float *query, int8_t *codes, double *work);

/* The least score of rows that may be within a distance. */
float lacuna_score_limit(const lacuna_coder *coder, const lacuna_coded_query *query, double distance);

typedef struct {
    float score; /* at most this */
    uint32_t row;
} lacuna_coded_candidate;

/*
 Writes the rows of up to LACUNA_MOST_BLOCKS neighbouring blocks whose scores by the first level may reach a query's
 limit. Query i has counts[i] candidates, from candidates[i * LACUNA_MOST_CODED_CANDIDATES] on. A row that is left out
 is beyond the distance of which the limit was made.
*/
void lacuna_coded_candidates(const lacuna_coder *coder, const lacuna_coded_query *queries, size_t query_count,
                             const float *limits, const void *blocks, size_t block_count,
                             lacuna_coded_candidate *candidates, size_t *counts);

/* Moves the candidates with the best scores to the front, `best` of them, which is at most `count`, in any order. */
void lacuna_best_candidates(lacuna_coded_candidate *candidates, size_t count, size_t best);

/* Moves the candidates to the front whose scores may reach the limit, and returns their number. */
size_t lacuna_drop_candidates(float limit, lacuna_coded_candidate *candidates, size_t count);

/*
 Moves those candidates of a query to the front whose scores by the second level may reach the limit, and returns their
 number. `blocks` and `second` are the candidates' row 0. Each LACUNA_MOST_CODED_CANDIDATES rows form a tile, and the
 tiles lie `tile_bytes` apart.
*/
size_t lacuna_refine_candidates(const lacuna_coder *coder, const lacuna_coded_query *query, float limit,
                                const void *blocks, const void *second, size_t tile_bytes,
                                lacuna_coded_candidate *candidates, size_t count);

/* The number of kernels for codes that this CPU can run, at least 1; 0 is in use, and the last is "plain". */
size_t lacuna_code_kernel_count(void);
const char *lacuna_code_kernel_name_at(size_t kernel);

/* The functions above with kernel `kernel`, which must be below lacuna_code_kernel_count(); they trap if it isn't. */
void lacuna_encode_with(size_t kernel, const lacuna_coder *coder, const float *rows, size_t stride, size_t count,
                        void *block, void *second, float *work);
lacuna_coded_query lacuna_encode_query_with(size_t kernel, const lacuna_coder *coder, const float *query,
                                            int8_t *codes, double *work);
void lacuna_coded_candidates_with(size_t kernel, const lacuna_coder *coder, const lacuna_coded_query *queries,
                                  size_t query_count, const float *limits, const void *blocks, size_t block_count,
                                  lacuna_coded_candidate *candidates, size_t *counts);
size_t lacuna_refine_candidates_with(size_t kernel, const lacuna_coder *coder, const lacuna_coded_query *query,
                                     float limit, const void *blocks, const void *second, size_t tile_bytes,
                                     lacuna_coded_candidate *candidates, size_t count);

#endif
