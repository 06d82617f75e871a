/* Gated units: x times an activation of a gate, and the gradients of both, as functions that XLA calls (jax.ffi).

   All arrays are float32. x and the gate are two arrays of one size, or the halves of the rows of one (rows, 2 width);
   so are their gradients. Each number is read once, where XLA keeps the exponential, the logistic function and the
   activation for the way back, and puts the halves of the gradient side by side in a pass of its own. */

#include "rows.h"

/* ---- Activations ------------------------------------------------------------------------------------------------- */

/* As cpu/gated.py counts them. */
enum { SIGMOID, SILU };

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
    /* Numbers of x in all and in a row, and how far apart rows lie where x and the gate do. */
    int64_t count, width, distance;
    const float *x, *gate, *ct;
    float *out, *x_ct, *gate_ct;
} Call;

enum { ITEMS_A_THREAD = 4, FEWEST_NUMBERS = 2048, PIECE = 1024 };

INLINE int64_t rows_of(const Call *c) { return (c->count + c->width - 1) / c->width; }

INLINE void forward_rows(const Work *work, int64_t item, int kind) {
    const Call *c = (const Call *)work;
    Range rows = part(rows_of(c), 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        int64_t size = least(c->width, c->count - i * c->width);
        const float *x = c->x + i * c->distance, *gate = c->gate + i * c->distance;
        for (int64_t j = 0; j < size; j += LANES) {
            Activated a = activated(load_some(gate, j, size, 0), kind);
            store_some(c->out + i * c->width, j, size, load_some(x, j, size, 0) * a.value);
        }
    }
}

/* With y = x a(gate): x_ct = ct a(gate) and gate_ct = ct x a'(gate). */
INLINE void backward_rows(const Work *work, int64_t item, int kind) {
    const Call *c = (const Call *)work;
    Range rows = part(rows_of(c), 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        int64_t size = least(c->width, c->count - i * c->width), at = i * c->distance;
        for (int64_t j = 0; j < size; j += LANES) {
            Activated a = activated(load_some(c->gate + at, j, size, 0), kind);
            Vector ct = load_some(c->ct + i * c->width, j, size, 0);
            store_some(c->x_ct + at, j, size, ct * a.value);
            store_some(c->gate_ct + at, j, size, ct * load_some(c->x + at, j, size, 0) * a.slope);
        }
    }
}

#define ITEM(pass, name, kind)                                               \
    static void pass##_##name(const Work *work, int64_t item, float *room) { \
        (void)room;                                                          \
        pass##_rows(work, item, kind);                                       \
    }
ITEM(forward, sigmoid, SIGMOID)
ITEM(forward, silu, SILU)
ITEM(backward, sigmoid, SIGMOID)
ITEM(backward, silu, SILU)

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

/* The arguments are x and the gate, as `arrays` of them, and behind them what else there is. */
static Call *begin(CallFrame *frame, int64_t arrays, void (*sigmoid)(const Work *, int64_t, float *),
                   void (*silu)(const Work *, int64_t, float *)) {
    Call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    Buffer **from = frame->arguments.buffers;
    int64_t kind = frame->attributes.arrays[0]->data[0], last = from[0]->rank - 1;
    c->count = 1;
    for (int64_t axis = 0; axis <= last; axis++) c->count *= from[0]->dims[axis];
    c->x = from[0]->data;
    if (arrays == 1) {
        c->distance = from[0]->dims[last], c->width = c->distance / 2, c->count /= 2;
        c->gate = c->x + c->width;
    } else c->distance = c->width = PIECE, c->gate = from[1]->data;
    c->work = (Work){.item = kind == SIGMOID ? sigmoid : silu, .threads = threads_of(frame)};
    int64_t enough = least(rows_of(c), c->count / FEWEST_NUMBERS);
    c->work.items = most(1, least(ITEMS_A_THREAD * c->work.threads, enough));
    return c;
}

void *gated_forward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, frame->arguments.size, forward_sigmoid, forward_silu);
    if (!c) return answer(frame, NO_MEMORY);
    c->out = frame->results.buffers[0]->data;
    return answer(frame, run(frame, &c->work));
}

void *gated_backward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    int64_t arrays = frame->arguments.size - 1;
    Call *c = begin(frame, arrays, backward_sigmoid, backward_silu);
    if (!c) return answer(frame, NO_MEMORY);
    c->ct = frame->arguments.buffers[arrays]->data, c->x_ct = frame->results.buffers[0]->data;
    c->gate_ct = arrays == 1 ? c->x_ct + c->width : frame->results.buffers[1]->data;
    return answer(frame, run(frame, &c->work));
}
