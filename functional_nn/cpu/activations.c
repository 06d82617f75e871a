/* Activations, alone or of a gate, times x, and their gradients, as functions that XLA calls (jax.ffi).

   All arrays are float32 or bfloat16, computed in float32. x and the gate are two arrays of one size, or the halves of
   the rows of one (rows, 2 width); so are their gradients. Each number is read once, where XLA keeps the exponential,
   the logistic function and the activation for the way back, and puts the halves of the gradient side by side in a
   pass of its own. */

#include "rows.h"

/* ---- Activations ------------------------------------------------------------------------------------------------- */

/* As cpu/activations.py counts them. */
#define ACTIVATIONS(F) \
    F(sigmoid, SIGMOID) F(silu, SILU) F(gelu, GELU) F(gelu_tanh, GELU_TANH) F(tanh, TANH) F(softplus, SOFTPLUS) \
    F(log_sigmoid, LOG_SIGMOID) F(elu, ELU) F(leaky_relu, LEAKY_RELU)
#define NAMED(name, kind) kind,
enum { ACTIVATIONS(NAMED) };
enum { ALONE, HALVES, APART };

typedef struct { Vector value, slope; } Activated;

#define SIGN 0x80000000u
INLINE Vector all(float number) { return (Vector){0} + number; }
INLINE Vector size_of(Vector z) { return (Vector)((Bits)z & ~SIGN); }
INLINE Vector exponential_of_size(Vector z) { return exponential((Vector)((Bits)z | SIGN)); }

/* 1 / (1 + exp(-z)), with the exponential of -|z| alone, which cannot overflow. */
INLINE Activated logistic(Vector z) {
    Vector shrunk = exponential_of_size(z), share = 1 / (1 + shrunk);
    return (Activated){chosen((Bits)(z >= 0), all(1), shrunk) * share, shrunk * share * share};
}

/* exp(x) - 1 of what is at most 0, whose small values keep their digits. */
INLINE Vector exponential_less_one(Vector x) {
    Raised r = raised(x);
    return chosen((Bits)(x < LEAST_EXPONENT), all(-1), r.rest * r.power + (r.power - 1));
}

/* log(1 + u) for u from 0 to 1: of (1 + u) / 2 where that is the nearer to 1. */
INLINE Vector log_of_one_plus(Vector u) {
    Bits far = (Bits)(u > 0.41421356f);
    Vector f = chosen(far, 0.5f * u - 0.5f, u), p = f * 7.0376836292e-2f - 1.1514610310e-1f;
    p = p * f + 1.1676998740e-1f;
    p = p * f - 1.2420140846e-1f;
    p = p * f + 1.4249322787e-1f;
    p = p * f - 1.6668057665e-1f;
    p = p * f + 2.0000714765e-1f;
    p = p * f - 2.4999993993e-1f;
    p = p * f + 3.3333331174e-1f;
    p = f * f * (p * f - 0.5f);
    return chosen(far, p - 2.12194440e-4f + f + 0.693359375f, p + f);
}

/* log(1 + exp(z)), and its slope. */
INLINE Activated log_of_one_plus_exp(Vector z) {
    Vector above = chosen((Bits)(z > 0), z, all(0));
    return (Activated){above + log_of_one_plus(exponential_of_size(z)), logistic(z).value};
}

INLINE Activated hyperbolic_tangent(Vector z) {
    Vector less = exponential_less_one(-2 * size_of(z)), size = -less / (2 + less);
    return (Activated){(Vector)((Bits)size | ((Bits)z & SIGN)), 4 * logistic(2 * z).slope};
}

/* z to the right of 0, and scale (exp(z) - 1) to its left, where the slope at 0 is too. */
INLINE Activated exponential_unit(Vector z, float scale) {
    Bits right = (Bits)(z > 0);
    Vector left = chosen(right, all(0), z);
    return (Activated){chosen(right, z, scale * exponential_less_one(left)),
                       chosen(right, all(1), scale * exponential(left))};
}

INLINE Vector sum_of_powers(const float *coefficients, int count, Vector x) {
    Vector sum = all(coefficients[count - 1]);
#pragma GCC unroll 16
    for (int i = count - 2; i >= 0; i--) sum = sum * x + coefficients[i];
    return sum;
}

/* exp(-x^2 / 2): the square of x cut to half its bits is exact, the small remainder gives a factor of its own. */
INLINE Vector bell(Vector x) {
    Vector coarse = (Vector)((Bits)x & 0xfffff000), u = -0.5f * (x - coarse) * (x + coarse);
    Vector most_of_it = exponential(-0.5f * (coarse * coarse));
    return most_of_it + most_of_it * (u * (1 + u * (0.5f + u * (1 / 6.0f + u / 24))));
}

/* Of powers of (x - 4) / (x + 4), and of x^2: the series in _gaussian.py. */
static const float TAIL[] = {0.755285131f, -0.607896631f, 0.387137394f, -0.18652216f, 0.0603966483f, -0.00753771716f,
                             -0.00347995464f, 0.00162204011f, 0.000133653387f, -0.000215573776f, -1.7310823e-06f,
                             2.11829843e-05f};
static const float MIDDLE[] = {0.39894228f, -0.0664903801f, 0.00997355701f, -0.00118732822f, 0.000115434688f,
                               -9.44465626e-06f, 6.65969352e-07f};
enum { FAR = 40 };

/* z times the probability that a standard normal variable is below it, in relative accuracy in the lower tail too. */
INLINE Activated gaussian_unit(Vector z) {
    Vector size = size_of(z), distance = chosen((Bits)(size > FAR), all(FAR), size), share = 1 / (distance + 4);
    Vector density = bell(distance), tail = density * (sum_of_powers(TAIL, 12, (distance - 4) * share) * share);
    Vector middle = 0.5f + z * sum_of_powers(MIDDLE, 7, z * z);
    Vector below = chosen((Bits)(distance < 0.7f), middle, chosen((Bits)(z < 0), tail, 1 - tail));
    return (Activated){z * below, below + z * (density * 0.39894228f)};
}

/* z sigmoid(2u) with u = sqrt(2 / pi) (z + 0.044715 z^3). */
INLINE Activated gaussian_unit_by_tanh(Vector z) {
    const float slope = 1.59576912f, cubic = slope * 0.044715f;
    Vector near = chosen((Bits)(size_of(z) > FAR), (Vector)((Bits)all(FAR) | ((Bits)z & SIGN)), z);
    Activated gate = logistic(near * (slope + cubic * near * near));
    return (Activated){z * gate.value, gate.value + z * (gate.slope * (slope + 3 * cubic * near * near))};
}

INLINE Activated activated(Vector z, int kind, float parameter) {
    Activated gate;
    switch (kind) {
    case SIGMOID: return logistic(z);
    case SILU: gate = logistic(z); return (Activated){z * gate.value, gate.value + z * gate.slope};
    case GELU: return gaussian_unit(z);
    case GELU_TANH: return gaussian_unit_by_tanh(z);
    case TANH: return hyperbolic_tangent(z);
    case SOFTPLUS: return log_of_one_plus_exp(z);
    case LOG_SIGMOID: gate = log_of_one_plus_exp(-z); return (Activated){-gate.value, gate.slope};
    case ELU: return exponential_unit(z, parameter);
    default: gate.slope = chosen((Bits)(z > 0), all(1), all(parameter)); return (Activated){z * gate.slope, gate.slope};
    }
}

/* ---- Rows -------------------------------------------------------------------------------------------------------- */

typedef struct {
    Work work;
    /* Numbers of the gate in all and in a row; how far apart its rows lie, and those of x; where its first begins. */
    int64_t count, width, distance, first;
    int dtype;
    float parameter;
    /* Without an x there is no x_ct. */
    const void *x, *gate, *ct;
    void *out, *x_ct, *gate_ct;
} Call;

enum { ITEMS_A_THREAD = 4, FEWEST_NUMBERS = 2048, PIECE = 1024 };

INLINE int64_t rows_of(const Call *c) { return (c->count + c->width - 1) / c->width; }

INLINE void forward_item(const Work *work, int64_t item, float *room, int kind) {
    (void)room;
    const Call *c = (const Call *)work;
    int dtype = c->dtype;
    Range rows = part(rows_of(c), 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        int64_t size = least(c->width, c->count - i * c->width), at = i * c->distance;
        for (int64_t j = 0; j < size; j += LANES) {
            Vector gate = load_numbers(c->gate, c->first + at + j, size - j, dtype);
            Vector y = activated(gate, kind, c->parameter).value;
            if (c->x) y *= load_numbers(c->x, at + j, size - j, dtype);
            store_numbers(c->out, i * c->width + j, size - j, dtype, y);
        }
    }
}

/* With y = x a(gate): x_ct = ct a(gate) and gate_ct = ct x a'(gate). */
INLINE void backward_item(const Work *work, int64_t item, float *room, int kind) {
    (void)room;
    const Call *c = (const Call *)work;
    int dtype = c->dtype;
    Range rows = part(rows_of(c), 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        int64_t size = least(c->width, c->count - i * c->width), at = i * c->distance;
        for (int64_t j = 0; j < size; j += LANES) {
            Vector gate = load_numbers(c->gate, c->first + at + j, size - j, dtype);
            Vector ct = load_numbers(c->ct, i * c->width + j, size - j, dtype);
            Activated a = activated(gate, kind, c->parameter);
            if (c->x) {
                store_numbers(c->x_ct, at + j, size - j, dtype, ct * a.value);
                ct *= load_numbers(c->x, at + j, size - j, dtype);
            }
            store_numbers(c->gate_ct, c->first + at + j, size - j, dtype, ct * a.slope);
        }
    }
}

#define PASSES(name, kind) ITEM(forward, name, kind) ITEM(backward, name, kind)
ACTIVATIONS(PASSES)
#define FORWARD(name, kind) forward_##name,
#define BACKWARD(name, kind) backward_##name,
typedef void (*Item)(const Work *, int64_t, float *);
static const Item FORWARDS[] = {ACTIVATIONS(FORWARD)}, BACKWARDS[] = {ACTIVATIONS(BACKWARD)};

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

/* The arguments are the gate, alone or behind x, or one array with both; and behind them the result's gradient. Told
   are the activation, the form, and the bits of its parameter. */
static Call *begin(CallFrame *frame, const Item *items) {
    Call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    Buffer **from = frame->arguments.buffers;
    const int64_t *told = frame->attributes.arrays[0]->data, last = from[0]->rank - 1;
    uint32_t bits = told[2];
    memcpy(&c->parameter, &bits, sizeof bits);
    c->dtype = from[0]->dtype;
    c->count = 1, c->distance = c->width = PIECE;
    for (int64_t axis = 0; axis <= last; axis++) c->count *= from[0]->dims[axis];
    c->gate = from[told[1] == APART]->data;
    if (told[1] != ALONE) c->x = from[0]->data;
    if (told[1] == HALVES) {
        c->distance = from[0]->dims[last];
        c->first = c->width = c->distance / 2, c->count /= 2;
    }
    c->work = (Work){.item = items[told[0]], .threads = threads_of(frame)};
    int64_t enough = least(rows_of(c), c->count / FEWEST_NUMBERS);
    c->work.items = most(1, least(ITEMS_A_THREAD * c->work.threads, enough));
    return c;
}

void *activation_forward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, FORWARDS);
    if (!c) return answer(frame, NO_MEMORY);
    c->out = frame->results.buffers[0]->data;
    return answer(frame, run(frame, &c->work));
}

void *activation_backward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, BACKWARDS);
    if (!c) return answer(frame, NO_MEMORY);
    int64_t last = frame->results.size - 1;
    c->ct = frame->arguments.buffers[last + 1]->data;
    c->x_ct = frame->results.buffers[0]->data, c->gate_ct = frame->results.buffers[last]->data;
    return answer(frame, run(frame, &c->work));
}
