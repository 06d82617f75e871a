/* Layer normalization and RMS normalization of the rows of a matrix (rows, features), and their gradients, as functions
   that XLA calls (jax.ffi). RMS normalization has no bias and takes off no mean. The matrix, and what has its shape, is
   float32 or bfloat16, computed in float32; scale, bias and their gradients are float32.

   A row stays in the cache. Its numbers are added a vector at a time, where XLA adds one after the other: in float32
   within a piece of it, or a block of rows, and in float64 from one to the next. */

#include "rows.h"

enum { PIECE = 64 * LANES, ROWS_OF_A_BLOCK = 32 };

typedef struct {
    Work work;
    int64_t rows, features;
    int centred, dtype;
    float epsilon;
    const void *x, *ct;
    const float *scale, *bias;
    void *out;
    float *scale_ct, *bias_ct;
    /* Of each item the sums over its rows: of ct times what it was scaled from, and of ct. */
    double *found;
} Call;

/* ---- Sums -------------------------------------------------------------------------------------------------------- */

/* By halves: one number after the other takes longer than all else does in a short row. */
INLINE double total(Vector sum) {
    double all[LANES];
    for (int i = 0; i < LANES; i++) all[i] = sum[i];
#pragma GCC unroll 4
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) all[i] += all[i + half];
    return all[0];
}

/* ---- A row ------------------------------------------------------------------------------------------------------- */

/* The mean, what it was rounded by, and one over the deviation. */
typedef struct { float mean, rest, share; } Moments;

INLINE Vector distance(Vector x, Moments m) { return x - m.mean - m.rest; }

static Moments moments(const Call *c, const float *row) {
    Moments m = {0, 0, 0};
    int64_t features = c->features;
    if (c->centred) {
        double all = 0;
        for (int64_t low = 0; low < features; low += PIECE) {
            Vector sum = {0};
            for (int64_t j = low; j < least(low + PIECE, features); j += LANES) sum += load_some(row, j, features, 0);
            all += total(sum);
        }
        double mean = all / features;
        m.mean = mean, m.rest = mean - m.mean;
    }
    double squares = 0, off = 0;
    for (int64_t low = 0; low < features; low += PIECE) {
        Vector sum = {0}, square = {0};
        for (int64_t j = low; j < least(low + PIECE, features); j += LANES) {
            Vector apart = load_some(row, j, features, m.mean) - m.mean;
            sum += apart, square += apart * apart;
        }
        squares += total(square), off += total(sum);
    }
    /* What the mean was rounded by, in its own sum as in its digits, is taken out. */
    if (c->centred) m.rest = off / features, squares -= off * m.rest;
    m.share = 1 / sqrt((squares < 0 ? 0 : squares) / features + c->epsilon);
    return m;
}

static void forward_item(const Work *work, int64_t item, float *room) {
    const Call *c = (const Call *)work;
    int64_t features = c->features;
    Range rows = part(c->rows, 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        const float *row = read_row(c->x, i, features, c->dtype, room);
        float *to = begin_row(c->out, i, features, c->dtype, room + features);
        Moments m = moments(c, row);
        for (int64_t j = 0; j < features; j += LANES) {
            Vector normal = distance(load_some(row, j, features, 0), m) * m.share;
            Vector y = normal * load_some(c->scale, j, features, 0);
            if (c->centred) y += load_some(c->bias, j, features, 0);
            store_some(to, j, features, y);
        }
        end_row(c->out, i, features, c->dtype, to);
    }
}

/* With n = (x - mean) / deviation and g = ct scale: x_ct = (g - mean(g) - n mean(g n)) / deviation. */
static void backward_row(const Call *c, int64_t i, float *moved, float *sum, float *room) {
    int64_t features = c->features;
    const float *row = read_row(c->x, i, features, c->dtype, room);
    const float *ct = read_row(c->ct, i, features, c->dtype, room + features);
    float *to = begin_row(c->out, i, features, c->dtype, room + 2 * features);
    Moments m = moments(c, row);
    double all = 0, all_along = 0;
    for (int64_t low = 0; low < features; low += PIECE) {
        Vector straight = {0}, along = {0};
        for (int64_t j = low; j < least(low + PIECE, features); j += LANES) {
            Vector normal = distance(load_some(row, j, features, 0), m) * m.share;
            Vector upstream = load_some(ct, j, features, 0);
            Vector scaled = upstream * load_some(c->scale, j, features, 0);
            straight += scaled, along += scaled * normal;
            store(moved + j, load(moved + j) + upstream * normal);
            if (c->centred) store(sum + j, load(sum + j) + upstream);
        }
        all += total(straight), all_along += total(along);
    }
    float mean = c->centred ? all / features : 0, slope = all_along / features;
    for (int64_t j = 0; j < features; j += LANES) {
        Vector normal = distance(load_some(row, j, features, 0), m) * m.share;
        Vector scaled = load_some(ct, j, features, 0) * load_some(c->scale, j, features, 0);
        store_some(to, j, features, (scaled - mean - normal * slope) * m.share);
    }
    end_row(c->out, i, features, c->dtype, to);
}

static void backward_item(const Work *work, int64_t item, float *room) {
    const Call *c = (const Call *)work;
    int64_t features = c->features, width = up(features, LANES);
    double *moved = c->found + 2 * item * features, *sum = moved + features;
    Range rows = part(c->rows, 1, work->items, item);
    for (int64_t low = rows.low; low < rows.high; low += ROWS_OF_A_BLOCK) {
        memset(room, 0, 2 * width * sizeof *room);
        for (int64_t i = low; i < least(low + ROWS_OF_A_BLOCK, rows.high); i++)
            backward_row(c, i, room, room + width, room + 2 * width);
        for (int64_t j = 0; j < features; j++) moved[j] += room[j], sum[j] += room[width + j];
    }
}

static void add_items(const Work *work) {
    const Call *c = (const Call *)work;
    for (int64_t j = 0; j < c->features; j++) {
        double moved = 0, sum = 0;
        for (int64_t item = 0; item < work->items; item++) {
            const double *found = c->found + 2 * item * c->features + j;
            moved += found[0], sum += found[c->features];
        }
        c->scale_ct[j] = moved;
        if (c->centred) c->bias_ct[j] = sum;
    }
}

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

enum { ITEMS_A_THREAD = 2, FEWEST_NUMBERS = 4096 };

static void forget(const Work *work) { free(((const Call *)work)->found); }

/* Arguments are x, scale and epsilon; then the bias, if there is one, or the result's cotangent. */
static Call *begin(CallFrame *frame, Work work, int centred) {
    Call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    Buffer **from = frame->arguments.buffers;
    c->rows = from[0]->dims[0], c->features = from[0]->dims[1], c->centred = centred;
    c->dtype = from[0]->dtype;
    c->x = from[0]->data, c->scale = from[1]->data, c->epsilon = *(const float *)from[2]->data;
    c->out = frame->results.buffers[0]->data;
    c->work = work;
    c->work.threads = threads_of(frame);
    int64_t enough = least(c->rows, c->rows * c->features / FEWEST_NUMBERS);
    c->work.items = most(1, least(ITEMS_A_THREAD * c->work.threads, enough));
    return c;
}

static void *forward(CallFrame *frame, int centred) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, (Work){.item = forward_item}, centred);
    if (!c) return answer(frame, NO_MEMORY);
    c->work.room = 2 * c->features;
    if (centred) c->bias = frame->arguments.buffers[3]->data;
    return answer(frame, run(frame, &c->work));
}

static void *backward(CallFrame *frame, int centred) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, (Work){.item = backward_item, .end = add_items, .forget = forget}, centred);
    if (!c) return answer(frame, NO_MEMORY);
    Buffer **to = frame->results.buffers;
    c->ct = frame->arguments.buffers[3]->data, c->scale_ct = to[1]->data;
    if (centred) c->bias_ct = to[2]->data;
    c->work.room = 2 * up(c->features, LANES) + 3 * c->features;
    c->found = calloc(2 * c->work.items * c->features, sizeof *c->found);
    if (!c->found) return free(c), answer(frame, NO_MEMORY);
    return answer(frame, run(frame, &c->work));
}

void *layer_norm_forward(CallFrame *frame) { return forward(frame, 1); }
void *layer_norm_backward(CallFrame *frame) { return backward(frame, 1); }
void *rms_norm_forward(CallFrame *frame) { return forward(frame, 0); }
void *rms_norm_backward(CallFrame *frame) { return backward(frame, 0); }
