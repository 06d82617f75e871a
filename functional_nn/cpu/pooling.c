/* Max and average pooling of images (batch, rows, columns, channels) of float32, and their gradients, as functions that
   XLA calls (jax.ffi).

   Every window is read where it lies, a vector of channels at a time, where XLA makes an array of each of its elements.
   Of each maximum its place in the window is kept: the gradient reads no x. */

#include "rows.h"

/* The windows along an axis, as `_geometry.Line`; and between which positions an element counts for a mean. */
typedef struct { int64_t size, window, stride, dilation, low, count, counted_low, counted_high; } Line;

typedef struct { int64_t batch, channels; Line down, across; } Geometry;

typedef struct {
    Work work;
    Geometry geometry;
    const float *x, *ct;
    const uint16_t *place_kept;
    uint16_t *place;
    float *out;
} Call;

/* ---- Windows ----------------------------------------------------------------------------------------------------- */

/* The rows and columns from the first to behind the last that a window finds in its image; and its size for a mean. */
typedef struct { Range rows, columns; float count; } Window;

INLINE Range inside(const Line *l, int64_t index) {
    int64_t start = index * l->stride - l->low, extent = (l->window - 1) * l->dilation + 1;
    return (Range){start < 0 ? start + up(-start, l->dilation) : start, least(l->size, start + extent)};
}

/* Where a mean is taken, nothing is dilated. */
INLINE int64_t counted(const Line *l, int64_t index) {
    int64_t start = index * l->stride - l->low;
    return least(start + l->window, l->counted_high) - most(start, l->counted_low);
}

INLINE Window window(const Geometry *g, int64_t row, int64_t column) {
    float count = counted(&g->down, row) * counted(&g->across, column);
    return (Window){inside(&g->down, row), inside(&g->across, column), count};
}

/* Where an element lies in it, counted in row-major order. */
INLINE uint32_t place_of(Window w, int64_t i, int64_t j) {
    return (i - w.rows.low) * (w.columns.high - w.columns.low) + j - w.columns.low;
}

INLINE int64_t numbers_of_a_row(const Geometry *g) { return g->across.size * g->channels; }

/* ---- Some channels of one window --------------------------------------------------------------------------------- */

typedef uint16_t Places __attribute__((vector_size(2 * LANES)));

INLINE Vector load_channels(const float *pixel, Range k) { return load_some(pixel, k.low, k.high, 0); }

INLINE Bits load_places(const uint16_t *pixel, Range k) {
    Places some = {0};
    memcpy(&some, pixel + k.low, (k.high - k.low) * sizeof *pixel);
    return __builtin_convertvector(some, Bits);
}

INLINE void store_places(uint16_t *pixel, Range k, Bits place) {
    Places some = __builtin_convertvector(place, Places);
    memcpy(pixel + k.low, &some, (k.high - k.low) * sizeof *pixel);
}

/* The first of the largest elements in row-major order, which a NaN is, and its place. */
INLINE Vector max_of(const Geometry *g, const float *image, Window w, Range k, Bits *place) {
    Bits at = {0};
    Vector best = load_channels(image + (w.rows.low * g->across.size + w.columns.low) * g->channels, k);
    for (int64_t i = w.rows.low; i < w.rows.high; i += g->down.dilation)
        for (int64_t j = w.columns.low; j < w.columns.high; j += g->across.dilation) {
            Vector x = load_channels(image + (i * g->across.size + j) * g->channels, k);
            Bits wins = ~(Bits)(x <= best) & (Bits)(best == best);
            best = chosen(wins, x, best);
            at = (place_of(w, i, j) & wins) | (at & ~wins);
        }
    *place = at;
    return best;
}

INLINE Vector mean_of(const Geometry *g, const float *image, Window w, Range k, Bits *place) {
    (void)place;
    Vector all = {0};
    for (int64_t i = w.rows.low; i < w.rows.high; i++) {
        Vector sum = {0};
        for (int64_t j = w.columns.low; j < w.columns.high; j++)
            sum += load_channels(image + (i * g->across.size + j) * g->channels, k);
        all += sum;
    }
    return all / w.count;
}

/* To some rows of the image's gradient, what of a window's gradient belongs to each of its elements. */
INLINE void max_to(const Geometry *g, float *image_ct, Range rows, Window w, Range k, Vector ct, Bits place) {
    for (int64_t i = w.rows.low; i < w.rows.high; i += g->down.dilation)
        for (int64_t j = w.columns.low; j < w.columns.high && rows.low <= i && i < rows.high; j += g->across.dilation) {
            float *pixel = image_ct + (i * g->across.size + j) * g->channels;
            Vector own = (Vector)((Bits)ct & (Bits)(place == place_of(w, i, j)));
            store_some(pixel, k.low, k.high, load_channels(pixel, k) + own);
        }
}

INLINE void mean_to(const Geometry *g, float *image_ct, Range rows, Window w, Range k, Vector ct, Bits place) {
    (void)place;
    Vector share = ct / w.count;
    for (int64_t i = most(rows.low, w.rows.low); i < least(rows.high, w.rows.high); i++)
        for (int64_t j = w.columns.low; j < w.columns.high; j++) {
            float *pixel = image_ct + (i * g->across.size + j) * g->channels;
            store_some(pixel, k.low, k.high, load_channels(pixel, k) + share);
        }
}

/* ---- Items ------------------------------------------------------------------------------------------------------- */

typedef Vector Of(const Geometry *, const float *, Window, Range, Bits *);
typedef void To(const Geometry *, float *, Range, Window, Range, Vector, Bits);

INLINE void result(const Geometry *g, const Call *c, int64_t at, const float *image, Window w, Range k, Of *of) {
    Bits place = {0};
    store_some(c->out + at, k.low, k.high, of(g, image, w, k, &place));
    if (c->place) store_places(c->place + at, k, place);
}

/* Some rows of the results of all images. */
INLINE void forward_item(const Work *work, int64_t item, float *room, Of *of) {
    (void)room;
    const Call *c = (const Call *)work;
    const Geometry g = c->geometry;
    Range rows = part(g.batch * g.down.count, 1, work->items, item);
    for (int64_t row = rows.low; row < rows.high; row++) {
        const float *image = c->x + row / g.down.count * g.down.size * numbers_of_a_row(&g);
        for (int64_t column = 0; column < g.across.count; column++) {
            Window w = window(&g, row % g.down.count, column);
            int64_t at = (row * g.across.count + column) * g.channels, k = 0;
            for (; k + LANES <= g.channels; k += LANES) result(&g, c, at, image, w, (Range){k, k + LANES}, of);
            if (k < g.channels) result(&g, c, at, image, w, (Range){k, g.channels}, of);
        }
    }
}

INLINE void gradient(const Geometry *g, const Call *c, int64_t at, float *image_ct, Range rows, Window w, Range k,
                     To *to) {
    Bits place = c->place_kept ? load_places(c->place_kept + at, k) : (Bits){0};
    to(g, image_ct, rows, w, k, load_channels(c->ct + at, k), place);
}

/* Some rows of one image's gradient; those are cleared as windows come to them. */
INLINE void backward_rows(const Geometry *g, const Call *c, int64_t number, Range rows, To *to) {
    float *image_ct = c->out + number * g->down.size * numbers_of_a_row(g);
    int64_t cleared = rows.low;
    for (int64_t row = 0; row < g->down.count; row++) {
        Range reached = inside(&g->down, row);
        if (reached.high <= rows.low || reached.low >= rows.high) continue;
        int64_t clear = most(cleared, least(rows.high, reached.high));
        memset(image_ct + cleared * numbers_of_a_row(g), 0, (clear - cleared) * numbers_of_a_row(g) * sizeof(float));
        cleared = clear;
        for (int64_t column = 0; column < g->across.count; column++) {
            Window w = window(g, row, column);
            int64_t at = ((number * g->down.count + row) * g->across.count + column) * g->channels, k = 0;
            for (; k + LANES <= g->channels; k += LANES)
                gradient(g, c, at, image_ct, rows, w, (Range){k, k + LANES}, to);
            if (k < g->channels) gradient(g, c, at, image_ct, rows, w, (Range){k, g->channels}, to);
        }
    }
    memset(image_ct + cleared * numbers_of_a_row(g), 0, (rows.high - cleared) * numbers_of_a_row(g) * sizeof(float));
}

/* Some rows of the gradients of all images. */
INLINE void backward_item(const Work *work, int64_t item, float *room, To *to) {
    (void)room;
    const Call *c = (const Call *)work;
    const Geometry g = c->geometry;
    int64_t size = g.down.size;
    Range rows = part(g.batch * size, 1, work->items, item);
    for (int64_t row = rows.low, stop; row < rows.high; row = stop) {
        int64_t number = row / size;
        stop = least(rows.high, (number + 1) * size);
        backward_rows(&g, c, number, (Range){row - number * size, stop - number * size}, to);
    }
}

ITEM(forward, max, max_of)
ITEM(forward, mean, mean_of)
ITEM(backward, max, max_to)
ITEM(backward, mean, mean_to)

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

enum { ITEMS_A_THREAD = 2, FEWEST_NUMBERS = 4096 };

/* Results, and what a backward pass gives, are divided by rows of all images. */
static void *call(CallFrame *frame, Call filled) {
    Call *c = malloc(sizeof *c);
    if (!c) return answer(frame, NO_MEMORY);
    const Buffer *to = frame->results.buffers[0];
    const Line *lines = (const Line *)frame->attributes.arrays[0]->data;
    *c = filled;
    c->geometry = (Geometry){to->dims[0], to->dims[3], lines[0], lines[1]}, c->out = to->data;
    c->work.threads = threads_of(frame);
    int64_t rows = to->dims[0] * to->dims[1], enough = rows * to->dims[2] * to->dims[3] / FEWEST_NUMBERS;
    c->work.items = most(1, least(ITEMS_A_THREAD * c->work.threads, least(rows, enough)));
    return answer(frame, run(frame, &c->work));
}

void *max_pool_forward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    const Buffer *x = frame->arguments.buffers[0], *place = frame->results.buffers[1];
    return call(frame, (Call){.work = {.item = forward_max}, .x = x->data, .place = place->data});
}

void *max_pool_backward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    const Buffer *place = frame->arguments.buffers[0], *ct = frame->arguments.buffers[1];
    return call(frame, (Call){.work = {.item = backward_max}, .place_kept = place->data, .ct = ct->data});
}

void *avg_pool_forward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    return call(frame, (Call){.work = {.item = forward_mean}, .x = frame->arguments.buffers[0]->data});
}

void *avg_pool_backward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    return call(frame, (Call){.work = {.item = backward_mean}, .ct = frame->arguments.buffers[0]->data});
}
