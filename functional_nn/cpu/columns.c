/* Sums over the rows of matrices, the last axis of x their columns, as functions that XLA calls (jax.ffi): the moments
   that batch and group normalization need forward, and the two sums that they need backward. x and the gradient of the
   result are both of float32 or both of bfloat16, all others of float32.

   A block of rows stays in the cache; within it numbers are added in float32, from block to block in float64. */

#include "rows.h"

enum { ITEMS_A_THREAD = 2, NUMBERS_OF_A_BLOCK = 8192, FEWEST_ROWS = 8, MOST_ROWS = 64 };

typedef struct {
    Work work;
    int64_t matrices, rows, columns;
    /* How many items share a matrix. */
    int64_t parts;
    const void *x, *ct;
    const float *mean, *rest;
    float *out[3];
    /* Two numbers a column, by items: of moments the mean and the sum of squared distances from it. */
    double *found;
} Call;

/* The rows of an item, counted through all matrices. */
static Range rows_of(const Call *c, int64_t item) {
    Range rows = part(c->rows, 1, c->parts, item % c->parts);
    int64_t first = item / c->parts * c->rows;
    return (Range){first + rows.low, first + rows.high};
}

static int64_t rows_of_a_block(const Call *c) {
    return most(FEWEST_ROWS, least(MOST_ROWS, NUMBERS_OF_A_BLOCK / c->columns));
}

/* ---- Moments ----------------------------------------------------------------------------------------------------- */

/* The moments of `count` numbers and of `more` numbers, as those of all (Chan, Golub and LeVeque, 1983). */
INLINE void join(double *mean, double *squares, double count, double more, double other_mean, double other_squares) {
    double share = more / (count + more), apart = other_mean - *mean;
    *mean += apart * share;
    *squares += other_squares + apart * apart * count * share;
}

/* Of a block the distances from its own mean, and their squares; what the mean was rounded by is taken out of both. */
INLINE void moments_of_block(const Call *c, Range block, float *mean, float *sum, float *squares, int dtype) {
    int64_t columns = c->columns;
    float count = block.high - block.low;
    memset(mean, 0, 3 * columns * sizeof *mean);
    for (int64_t i = block.low; i < block.high; i++)
        for (int64_t j = 0; j < columns; j++) mean[j] += number(c->x, i * columns + j, dtype);
    for (int64_t j = 0; j < columns; j++) mean[j] /= count;
    for (int64_t i = block.low; i < block.high; i++)
        for (int64_t j = 0; j < columns; j++) {
            float distance = number(c->x, i * columns + j, dtype) - mean[j];
            sum[j] += distance;
            squares[j] += distance * distance;
        }
}

INLINE void moments_item(const Work *work, int64_t item, float *room, int dtype) {
    const Call *c = (const Call *)work;
    int64_t columns = c->columns, step = rows_of_a_block(c);
    float *mean = room, *sum = room + columns, *squares = room + 2 * columns;
    double *found_mean = c->found + 2 * item * columns, *found_squares = found_mean + columns;
    Range rows = rows_of(c, item);
    for (int64_t low = rows.low; low < rows.high; low += step) {
        Range block = {low, least(low + step, rows.high)};
        moments_of_block(c, block, mean, sum, squares, dtype);
        double more = block.high - block.low;
        for (int64_t j = 0; j < columns; j++) {
            double off = sum[j] / more;
            join(found_mean + j, found_squares + j, low - rows.low, more, mean[j] + off, squares[j] - sum[j] * off);
        }
    }
}

static void moments_end(const Work *work) {
    const Call *c = (const Call *)work;
    for (int64_t k = 0; k < c->matrices * c->columns; k++) {
        int64_t first = k / c->columns * c->parts;
        const double *found = c->found + 2 * first * c->columns + k % c->columns;
        Range rows = rows_of(c, first);
        double mean = found[0], squares = found[c->columns], count = rows.high - rows.low;
        for (int64_t item = first + 1; item < first + c->parts; item++) {
            found += 2 * c->columns, rows = rows_of(c, item);
            if (rows.low == rows.high) continue;
            join(&mean, &squares, count, rows.high - rows.low, found[0], found[c->columns]);
            count += rows.high - rows.low;
        }
        c->out[0][k] = mean;
        c->out[1][k] = mean - c->out[0][k];
        double variance = squares / c->rows;
        c->out[2][k] = variance < 0 ? 0 : variance;
    }
}

/* ---- The sums of a backward pass --------------------------------------------------------------------------------- */

INLINE void sums_item(const Work *work, int64_t item, float *room, int dtype) {
    const Call *c = (const Call *)work;
    int64_t columns = c->columns, step = rows_of_a_block(c);
    float *sum = room, *moved = room + columns;
    const float *mean = c->mean + item / c->parts * columns, *rest = c->rest + item / c->parts * columns;
    double *found_sum = c->found + 2 * item * columns, *found_moved = found_sum + columns;
    Range rows = rows_of(c, item);
    for (int64_t low = rows.low; low < rows.high; low += step) {
        memset(room, 0, 2 * columns * sizeof *room);
        for (int64_t i = low; i < least(low + step, rows.high); i++)
            for (int64_t j = 0; j < columns; j++) {
                float ct = number(c->ct, i * columns + j, dtype);
                sum[j] += ct;
                moved[j] += ct * (number(c->x, i * columns + j, dtype) - mean[j] - rest[j]);
            }
        for (int64_t j = 0; j < columns; j++) found_sum[j] += sum[j], found_moved[j] += moved[j];
    }
}

static void sums_end(const Work *work) {
    const Call *c = (const Call *)work;
    for (int64_t k = 0; k < c->matrices * c->columns; k++) {
        double sum = 0, moved = 0;
        const double *found = c->found + 2 * (k / c->columns * c->parts) * c->columns + k % c->columns;
        for (int64_t item = 0; item < c->parts; item++, found += 2 * c->columns)
            sum += found[0], moved += found[c->columns];
        c->out[0][k] = sum, c->out[1][k] = moved;
    }
}

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

ITEM(moments, float32, FLOAT32)
ITEM(moments, bfloat16, BFLOAT16)
ITEM(sums, float32, FLOAT32)
ITEM(sums, bfloat16, BFLOAT16)

static void forget(const Work *work) { free(((const Call *)work)->found); }

/* The results have a row a matrix. */
static Call *begin(CallFrame *frame, Work work, int64_t rooms) {
    Call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    const Buffer *x = frame->arguments.buffers[0], *result = frame->results.buffers[0];
    int64_t count = 1;
    for (int64_t axis = 0; axis < x->rank; axis++) count *= x->dims[axis];
    c->matrices = result->dims[0], c->columns = result->dims[1];
    c->rows = count / (c->matrices * c->columns);
    c->work = work;
    c->work.threads = threads_of(frame), c->work.forget = forget, c->work.room = rooms * c->columns;
    int64_t wanted = (ITEMS_A_THREAD * c->work.threads + c->matrices - 1) / c->matrices;
    c->parts = most(1, least(wanted, c->rows / rows_of_a_block(c)));
    c->work.items = c->matrices * c->parts;
    c->found = calloc(most(1, 2 * c->work.items * c->columns), sizeof *c->found);
    if (!c->found) return free(c), NULL;
    for (int64_t i = 0; i < frame->results.size; i++) c->out[i] = frame->results.buffers[i]->data;
    return c;
}

void *columns_moments(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Buffer *x = frame->arguments.buffers[0];
    void (*item)(const Work *, int64_t, float *) = x->dtype == FLOAT32 ? moments_float32 : moments_bfloat16;
    Call *c = begin(frame, (Work){.item = item, .end = moments_end}, 3);
    if (!c) return answer(frame, NO_MEMORY);
    c->x = x->data;
    return answer(frame, run(frame, &c->work));
}

void *columns_sums(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Buffer **from = frame->arguments.buffers;
    void (*item)(const Work *, int64_t, float *) = from[0]->dtype == FLOAT32 ? sums_float32 : sums_bfloat16;
    Call *c = begin(frame, (Work){.item = item, .end = sums_end}, 2);
    if (!c) return answer(frame, NO_MEMORY);
    c->ct = from[0]->data, c->x = from[1]->data, c->mean = from[2]->data, c->rest = from[3]->data;
    return answer(frame, run(frame, &c->work));
}
