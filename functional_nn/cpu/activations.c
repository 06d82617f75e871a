/* Activations, alone or of a gate, times x, and their gradients, as functions that XLA calls (jax.ffi).

   All arrays are float32. x and the gate are two arrays of one size, or the halves of the rows of one (rows, 2 width);
   so are their gradients. Each number is read once, where XLA keeps the exponential, the logistic function and the
   activation for the way back, and puts the halves of the gradient side by side in a pass of its own. */

#include "rows.h"

/* ---- Activations ------------------------------------------------------------------------------------------------- */

/* As cpu/activations.py counts them. */
enum { SIGMOID, SILU };
enum { ALONE, HALVES, APART };

typedef struct { Vector value, slope; } Activated;

/* 1 / (1 + exp(-z)), with the exponential of -|z| alone, which cannot overflow. */
INLINE Activated logistic(Vector z) {
    Vector shrunk = exponential((Vector)((Bits)z | 0x80000000)), share = 1 / (1 + shrunk);
    Bits positive = (Bits)(z >= 0);
    Vector numerator = (Vector)((positive & (Bits)((Vector){0} + 1)) | (~positive & (Bits)shrunk));
    return (Activated){numerator * share, shrunk * share * share};
}

INLINE Activated activated(Vector z, int kind) {
    Activated gate = logistic(z);
    return kind == SIGMOID ? gate : (Activated){z * gate.value, gate.value + z * gate.slope};
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

typedef struct {
    Work work;
    /* Numbers of the gate in all and in a row, and how far apart its rows lie, and those of x. */
    int64_t count, width, distance;
    /* Without an x there is no x_ct. */
    const float *x, *gate, *ct;
    float *out, *x_ct, *gate_ct;
} Call;

enum { ITEMS_A_THREAD = 4, FEWEST_NUMBERS = 2048, PIECE = 1024 };

INLINE int64_t rows_of(const Call *c) { return (c->count + c->width - 1) / c->width; }

INLINE void forward_item(const Work *work, int64_t item, float *room, int kind) {
    (void)room;
    const Call *c = (const Call *)work;
    Range rows = part(rows_of(c), 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        int64_t size = least(c->width, c->count - i * c->width);
        for (int64_t j = 0; j < size; j += LANES) {
            Vector y = activated(load_some(c->gate + i * c->distance, j, size, 0), kind).value;
            if (c->x) y *= load_some(c->x + i * c->distance, j, size, 0);
            store_some(c->out + i * c->width, j, size, y);
        }
    }
}

/* With y = x a(gate): x_ct = ct a(gate) and gate_ct = ct x a'(gate). */
INLINE void backward_item(const Work *work, int64_t item, float *room, int kind) {
    (void)room;
    const Call *c = (const Call *)work;
    Range rows = part(rows_of(c), 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        int64_t size = least(c->width, c->count - i * c->width), at = i * c->distance;
        for (int64_t j = 0; j < size; j += LANES) {
            Activated a = activated(load_some(c->gate + at, j, size, 0), kind);
            Vector ct = load_some(c->ct + i * c->width, j, size, 0);
            if (c->x) {
                store_some(c->x_ct + at, j, size, ct * a.value);
                ct *= load_some(c->x + at, j, size, 0);
            }
            store_some(c->gate_ct + at, j, size, ct * a.slope);
        }
    }
}

ITEM(forward, sigmoid, SIGMOID)
ITEM(forward, silu, SILU)
ITEM(backward, sigmoid, SIGMOID)
ITEM(backward, silu, SILU)

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

/* The arguments are the gate, alone or behind x, or one array with both; and behind them the result's gradient. */
static Call *begin(CallFrame *frame, void (*sigmoid)(const Work *, int64_t, float *),
                   void (*silu)(const Work *, int64_t, float *)) {
    Call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    Buffer **from = frame->arguments.buffers;
    const int64_t *told = frame->attributes.arrays[0]->data, last = from[0]->rank - 1;
    c->count = 1, c->distance = c->width = PIECE;
    for (int64_t axis = 0; axis <= last; axis++) c->count *= from[0]->dims[axis];
    c->gate = from[told[1] == APART]->data;
    if (told[1] == APART) c->x = from[0]->data;
    if (told[1] == HALVES) {
        c->x = c->gate, c->distance = from[0]->dims[last];
        c->width = c->distance / 2, c->count /= 2, c->gate += c->width;
    }
    c->work = (Work){.item = told[0] == SIGMOID ? sigmoid : silu, .threads = threads_of(frame)};
    int64_t enough = least(rows_of(c), c->count / FEWEST_NUMBERS);
    c->work.items = most(1, least(ITEMS_A_THREAD * c->work.threads, enough));
    return c;
}

void *activation_forward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, forward_sigmoid, forward_silu);
    if (!c) return answer(frame, NO_MEMORY);
    c->out = frame->results.buffers[0]->data;
    return answer(frame, run(frame, &c->work));
}

void *activation_backward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, backward_sigmoid, backward_silu);
    if (!c) return answer(frame, NO_MEMORY);
    int64_t last = frame->results.size - 1;
    c->ct = frame->arguments.buffers[last + 1]->data;
    c->x_ct = frame->results.buffers[0]->data, c->gate_ct = frame->results.buffers[last]->data;
    if (c->distance != c->width) c->gate_ct += c->width;
    return answer(frame, run(frame, &c->work));
}
