/* Sums over the rows of a matrix (rows, columns) of float32, as functions that XLA calls (jax.ffi): the moments that
   batch normalization needs forward, and the two sums that it needs backward.

   A block of rows stays in the cache; within it numbers are added in float32, from block to block in float64. */

#include "rows.h"

enum { ITEMS_A_THREAD = 2, NUMBERS_OF_A_BLOCK = 8192, FEWEST_ROWS = 8, MOST_ROWS = 64 };

typedef struct {
    Work work;
    int64_t rows, columns;
    const float *x, *ct, *mean, *rest;
    float *out[3];
    /* Two numbers a column, by items: of moments the mean and the sum of squared distances from it. */
    double *found;
} Call;

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
static void moments_of_block(const Call *c, Range block, float *mean, float *sum, float *squares) {
    int64_t columns = c->columns;
    float count = block.high - block.low;
    memset(mean, 0, 3 * columns * sizeof *mean);
    for (int64_t i = block.low; i < block.high; i++)
        for (int64_t j = 0; j < columns; j++) mean[j] += c->x[i * columns + j];
    for (int64_t j = 0; j < columns; j++) mean[j] /= count;
    for (int64_t i = block.low; i < block.high; i++)
        for (int64_t j = 0; j < columns; j++) {
            float distance = c->x[i * columns + j] - mean[j];
            sum[j] += distance;
            squares[j] += distance * distance;
        }
}

static void moments_item(const Work *work, int64_t item, float *room) {
    const Call *c = (const Call *)work;
    int64_t columns = c->columns, step = rows_of_a_block(c);
    float *mean = room, *sum = room + columns, *squares = room + 2 * columns;
    double *found_mean = c->found + 2 * item * columns, *found_squares = found_mean + columns;
    Range rows = part(c->rows, 1, work->items, item);
    for (int64_t low = rows.low; low < rows.high; low += step) {
        Range block = {low, least(low + step, rows.high)};
        moments_of_block(c, block, mean, sum, squares);
        double more = block.high - block.low;
        for (int64_t j = 0; j < columns; j++) {
            double off = sum[j] / more;
            join(found_mean + j, found_squares + j, low - rows.low, more, mean[j] + off, squares[j] - sum[j] * off);
        }
    }
}

static void moments_end(const Work *work) {
    const Call *c = (const Call *)work;
    for (int64_t j = 0; j < c->columns; j++) {
        double mean = c->found[j], squares = c->found[c->columns + j];
        for (int64_t item = 1; item < work->items; item++) {
            Range rows = part(c->rows, 1, work->items, item);
            const double *found = c->found + 2 * item * c->columns + j;
            if (rows.low == rows.high) continue;
            join(&mean, &squares, rows.low, rows.high - rows.low, found[0], found[c->columns]);
        }
        c->out[0][j] = mean;
        c->out[1][j] = mean - c->out[0][j];
        double variance = squares / c->rows;
        c->out[2][j] = variance < 0 ? 0 : variance;
    }
}

/* ---- The sums of a backward pass --------------------------------------------------------------------------------- */

static void sums_item(const Work *work, int64_t item, float *room) {
    const Call *c = (const Call *)work;
    int64_t columns = c->columns, step = rows_of_a_block(c);
    float *sum = room, *moved = room + columns;
    double *found_sum = c->found + 2 * item * columns, *found_moved = found_sum + columns;
    Range rows = part(c->rows, 1, work->items, item);
    for (int64_t low = rows.low; low < rows.high; low += step) {
        memset(room, 0, 2 * columns * sizeof *room);
        for (int64_t i = low; i < least(low + step, rows.high); i++)
            for (int64_t j = 0; j < columns; j++) {
                float ct = c->ct[i * columns + j];
                sum[j] += ct;
                moved[j] += ct * (c->x[i * columns + j] - c->mean[j] - c->rest[j]);
            }
        for (int64_t j = 0; j < columns; j++) found_sum[j] += sum[j], found_moved[j] += moved[j];
    }
}

static void sums_end(const Work *work) {
    const Call *c = (const Call *)work;
    for (int64_t j = 0; j < 2 * c->columns; j++) {
        double sum = 0;
        for (int64_t item = 0; item < work->items; item++) sum += c->found[2 * item * c->columns + j];
        c->out[j / c->columns][j % c->columns] = sum;
    }
}

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

static void forget(const Work *work) { free(((const Call *)work)->found); }

static Call *begin(CallFrame *frame, Work work, const Buffer *matrix) {
    Call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->rows = matrix->dims[0], c->columns = matrix->dims[1];
    c->work = work;
    c->work.threads = threads_of(frame), c->work.forget = forget;
    c->work.items = most(1, least(ITEMS_A_THREAD * c->work.threads, c->rows / rows_of_a_block(c)));
    c->found = calloc(most(1, 2 * c->work.items * c->columns), sizeof *c->found);
    if (!c->found) return free(c), NULL;
    for (int64_t i = 0; i < frame->results.size; i++) c->out[i] = frame->results.buffers[i]->data;
    return c;
}

void *columns_moments(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Buffer *x = frame->arguments.buffers[0];
    Call *c = begin(frame, (Work){.item = moments_item, .end = moments_end, .room = 3 * x->dims[1]}, x);
    if (!c) return answer(frame, NO_MEMORY);
    c->x = x->data;
    return answer(frame, run(frame, &c->work));
}

void *columns_sums(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Buffer **from = frame->arguments.buffers;
    Call *c = begin(frame, (Work){.item = sums_item, .end = sums_end, .room = 2 * from[0]->dims[1]}, from[0]);
    if (!c) return answer(frame, NO_MEMORY);
    c->ct = from[0]->data, c->x = from[1]->data, c->mean = from[2]->data, c->rest = from[3]->data;
    return answer(frame, run(frame, &c->work));
}
