/* Max and average pooling of images (batch, rows, columns, channels) of float32 or bfloat16, and their gradients, as
   functions that XLA calls (jax.ffi). Sums are of float32, and rounded once.

   Every window is read where it lies, a vector of channels at a time, where XLA makes an array of each of its elements.
   Of each maximum its place in the window is kept: the gradient reads no x. */

#include "rows.h"

/* The windows along an axis, as `_geometry.Line`; and between which positions an element counts for a mean. */
typedef struct { int64_t size, window, stride, dilation, low, count, counted_low, counted_high; } Line;

typedef struct { int64_t batch, channels; Line down, across; } Geometry;

typedef struct {
    Work work;
    Geometry geometry;
    const void *x, *ct;
    const uint16_t *place_kept;
    uint16_t *place;
    void *out;
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

/* An array whose numbers from `first` on are an image. */
typedef struct { const void *numbers; int64_t first; int dtype; } Image;

typedef uint16_t Places __attribute__((vector_size(2 * LANES)));

INLINE int64_t pixel(const Geometry *g, int64_t i, int64_t j) { return (i * g->across.size + j) * g->channels; }

INLINE Vector load_channels(const Geometry *g, Image image, int64_t i, int64_t j, Range k) {
    return load_numbers(image.numbers, image.first + pixel(g, i, j) + k.low, k.high - k.low, image.dtype);
}

INLINE Bits load_places(const uint16_t *result, Range k) {
    Places some = {0};
    memcpy(&some, result + k.low, (k.high - k.low) * sizeof *result);
    return __builtin_convertvector(some, Bits);
}

INLINE void store_places(uint16_t *result, Range k, Bits place) {
    Places some = __builtin_convertvector(place, Places);
    memcpy(result + k.low, &some, (k.high - k.low) * sizeof *result);
}

/* The first of the largest elements in row-major order, which a NaN is, and its place. */
INLINE Vector max_of(const Geometry *g, Image image, Window w, Range k, Bits *place) {
    Bits at = {0};
    Vector best = load_channels(g, image, w.rows.low, w.columns.low, k);
    for (int64_t i = w.rows.low; i < w.rows.high; i += g->down.dilation)
        for (int64_t j = w.columns.low; j < w.columns.high; j += g->across.dilation) {
            Vector x = load_channels(g, image, i, j, k);
            Bits wins = ~(Bits)(x <= best) & (Bits)(best == best);
            best = chosen(wins, x, best);
            at = (place_of(w, i, j) & wins) | (at & ~wins);
        }
    *place = at;
    return best;
}

INLINE Vector mean_of(const Geometry *g, Image image, Window w, Range k, Bits *place) {
    (void)place;
    Vector all = {0};
    for (int64_t i = w.rows.low; i < w.rows.high; i++) {
        Vector sum = {0};
        for (int64_t j = w.columns.low; j < w.columns.high; j++) sum += load_channels(g, image, i, j, k);
        all += sum;
    }
    return all / w.count;
}

/* To some rows of an image's gradient, which stand alone, what of a window's gradient belongs to each element. */
INLINE void max_to(const Geometry *g, float *rows_ct, Range rows, Window w, Range k, Vector ct, Bits place) {
    for (int64_t i = w.rows.low; i < w.rows.high; i += g->down.dilation)
        for (int64_t j = w.columns.low; j < w.columns.high && rows.low <= i && i < rows.high; j += g->across.dilation) {
            float *to = rows_ct + pixel(g, i - rows.low, j);
            Vector own = (Vector)((Bits)ct & (Bits)(place == place_of(w, i, j)));
            store_some(to, k.low, k.high, load_some(to, k.low, k.high, 0) + own);
        }
}

INLINE void mean_to(const Geometry *g, float *rows_ct, Range rows, Window w, Range k, Vector ct, Bits place) {
    (void)place;
    Vector share = ct / w.count;
    for (int64_t i = most(rows.low, w.rows.low); i < least(rows.high, w.rows.high); i++)
        for (int64_t j = w.columns.low; j < w.columns.high; j++) {
            float *to = rows_ct + pixel(g, i - rows.low, j);
            store_some(to, k.low, k.high, load_some(to, k.low, k.high, 0) + share);
        }
}

/* ---- Items ------------------------------------------------------------------------------------------------------- */

typedef Vector Of(const Geometry *, Image, Window, Range, Bits *);
typedef void To(const Geometry *, float *, Range, Window, Range, Vector, Bits);

/* A pooling of numbers of a dtype, forward and back. */
typedef struct { Of *of; To *to; int dtype; } Kind;

INLINE void result(const Geometry *g, const Call *c, int64_t at, Image image, Window w, Range k, Of *of) {
    Bits place = {0};
    store_numbers(c->out, at + k.low, k.high - k.low, image.dtype, of(g, image, w, k, &place));
    if (c->place) store_places(c->place + at, k, place);
}

/* Some rows of the results of all images. */
INLINE void forward_item(const Work *work, int64_t item, float *room, Kind kind) {
    (void)room;
    const Call *c = (const Call *)work;
    const Geometry g = c->geometry;
    Range rows = part(g.batch * g.down.count, 1, work->items, item);
    for (int64_t row = rows.low; row < rows.high; row++) {
        Image image = {c->x, row / g.down.count * g.down.size * numbers_of_a_row(&g), kind.dtype};
        for (int64_t column = 0; column < g.across.count; column++) {
            Window w = window(&g, row % g.down.count, column);
            int64_t at = (row * g.across.count + column) * g.channels, k = 0;
            for (; k + LANES <= g.channels; k += LANES) result(&g, c, at, image, w, (Range){k, k + LANES}, kind.of);
            if (k < g.channels) result(&g, c, at, image, w, (Range){k, g.channels}, kind.of);
        }
    }
}

INLINE void gradient(const Geometry *g, const Call *c, int64_t at, float *rows_ct, Range rows, Window w, Range k,
                     Kind kind) {
    Bits place = c->place_kept ? load_places(c->place_kept + at, k) : (Bits){0};
    kind.to(g, rows_ct, rows, w, k, load_numbers(c->ct, at + k.low, k.high - k.low, kind.dtype), place);
}

/* Some rows of one image's gradient, as float32. */
INLINE void backward_rows(const Geometry *g, const Call *c, int64_t number, Range rows, float *rows_ct, Kind kind) {
    int64_t cleared = 0;
    for (int64_t row = 0; row < g->down.count; row++) {
        Range reached = inside(&g->down, row);
        if (reached.high <= rows.low || reached.low >= rows.high) continue;
        int64_t clear = most(cleared, least(rows.high, reached.high) - rows.low);
        memset(rows_ct + pixel(g, cleared, 0), 0, pixel(g, clear - cleared, 0) * sizeof(float));
        cleared = clear;
        for (int64_t column = 0; column < g->across.count; column++) {
            Window w = window(g, row, column);
            int64_t at = ((number * g->down.count + row) * g->across.count + column) * g->channels, k = 0;
            for (; k + LANES <= g->channels; k += LANES)
                gradient(g, c, at, rows_ct, rows, w, (Range){k, k + LANES}, kind);
            if (k < g->channels) gradient(g, c, at, rows_ct, rows, w, (Range){k, g->channels}, kind);
        }
    }
    memset(rows_ct + pixel(g, cleared, 0), 0, pixel(g, rows.high - rows.low - cleared, 0) * sizeof(float));
}

/* So many rows of an image's gradient are computed in a room of their own, and stay in the cache there. */
enum { NUMBERS_OF_A_ROOM = 65536, FEWEST_ROWS_OF_A_ROOM = 4 };
INLINE int64_t rows_of_a_room(const Geometry *g) {
    return least(g->down.size, most(FEWEST_ROWS_OF_A_ROOM, NUMBERS_OF_A_ROOM / most(1, numbers_of_a_row(g))));
}

/* Some rows of the gradients of all images. */
INLINE void backward_item(const Work *work, int64_t item, float *room, Kind kind) {
    const Call *c = (const Call *)work;
    const Geometry g = c->geometry;
    int64_t size = g.down.size, width = numbers_of_a_row(&g);
    int64_t together = kind.dtype == FLOAT32 ? size : rows_of_a_room(&g);
    Range rows = part(g.batch * size, 1, work->items, item);
    for (int64_t row = rows.low, stop; row < rows.high; row = stop) {
        int64_t number = row / size;
        stop = least(least(rows.high, (number + 1) * size), row + together);
        float *rows_ct = begin_row(c->out, row, width, kind.dtype, room);
        backward_rows(&g, c, number, (Range){row - number * size, stop - number * size}, rows_ct, kind);
        for (int64_t i = row; i < stop; i++) end_row(c->out, i, width, kind.dtype, rows_ct + (i - row) * width);
    }
}

#define KIND(pass, pool, width, dtype) ITEM(pass, pool##_##width, ((Kind){pool##_of, pool##_to, dtype}))
KIND(forward, max, 32, FLOAT32)
KIND(forward, max, 16, BFLOAT16)
KIND(forward, mean, 32, FLOAT32)
KIND(forward, mean, 16, BFLOAT16)
KIND(backward, max, 32, FLOAT32)
KIND(backward, max, 16, BFLOAT16)
KIND(backward, mean, 32, FLOAT32)
KIND(backward, mean, 16, BFLOAT16)

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

enum { ITEMS_A_THREAD = 2, FEWEST_NUMBERS = 4096 };

typedef void Item(const Work *, int64_t, float *);

/* Results, and what a backward pass gives, are divided by rows of all images. */
static void *call(CallFrame *frame, Call filled, Item *of_float32, Item *of_bfloat16, int in_a_room) {
    Call *c = malloc(sizeof *c);
    if (!c) return answer(frame, NO_MEMORY);
    const Buffer *to = frame->results.buffers[0];
    const Line *lines = (const Line *)frame->attributes.arrays[0]->data;
    *c = filled;
    c->geometry = (Geometry){to->dims[0], to->dims[3], lines[0], lines[1]}, c->out = to->data;
    c->work.threads = threads_of(frame), c->work.item = to->dtype == FLOAT32 ? of_float32 : of_bfloat16;
    if (in_a_room && to->dtype != FLOAT32)
        c->work.room = rows_of_a_room(&c->geometry) * numbers_of_a_row(&c->geometry);
    int64_t rows = to->dims[0] * to->dims[1], enough = rows * to->dims[2] * to->dims[3] / FEWEST_NUMBERS;
    c->work.items = most(1, least(ITEMS_A_THREAD * c->work.threads, least(rows, enough)));
    return answer(frame, run(frame, &c->work));
}

void *max_pool_forward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    const Buffer *x = frame->arguments.buffers[0], *place = frame->results.buffers[1];
    return call(frame, (Call){.x = x->data, .place = place->data}, forward_max_32, forward_max_16, 0);
}

void *max_pool_backward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    const Buffer *place = frame->arguments.buffers[0], *ct = frame->arguments.buffers[1];
    return call(frame, (Call){.place_kept = place->data, .ct = ct->data}, backward_max_32, backward_max_16, 1);
}

void *avg_pool_forward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    return call(frame, (Call){.x = frame->arguments.buffers[0]->data}, forward_mean_32, forward_mean_16, 0);
}

void *avg_pool_backward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    return call(frame, (Call){.ct = frame->arguments.buffers[0]->data}, backward_mean_32, backward_mean_16, 1);
}
