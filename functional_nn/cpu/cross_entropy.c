/* Cross-entropy of softmax for labels, and its gradient with respect to the scores, as functions that XLA calls.

   Scores are float32 (rows, classes), labels int32. Of each row the exponentials beside that of the largest score are
   added up by themselves, so that nothing is lost where that one has nearly all of the total; the row stays in the
   cache. A row with a label that is no class, and one with a score that is NaN or infinity, gives NaN. */

#include "rows.h"

enum { ITEMS_A_THREAD = 2, FEWEST_NUMBERS = 4096 };

typedef struct {
    Work work;
    int64_t rows, classes;
    const float *scores, *peak_kept, *rest_kept, *ct;
    const int32_t *labels;
    float *loss, *peak, *rest, *scores_ct;
} Call;

typedef struct { int64_t low, high; } Range;

static Range part(const Call *c, int64_t item) {
    int64_t each = (c->rows + c->work.items - 1) / c->work.items;
    return (Range){least(c->rows, item * each), least(c->rows, (item + 1) * each)};
}

/* The vector of `count` numbers, filled up with minus infinity. */
INLINE Vector load_some(const float *from, int64_t count) {
    float filled[LANES];
    for (int i = 0; i < LANES; i++) filled[i] = i < count ? from[i] : -INFINITY;
    return load(filled);
}

INLINE Vector load_next(const float *row, int64_t j, int64_t classes) {
    return j + LANES <= classes ? load(row + j) : load_some(row + j, classes - j);
}

static float largest(const float *row, int64_t classes) {
    Vector highest = load_next(row, 0, classes);
    for (int64_t j = LANES; j < classes; j += LANES) highest = larger(load_next(row, j, classes), highest);
    float peak = highest[0];
    for (int i = 1; i < LANES; i++) peak = highest[i] > peak ? highest[i] : peak;
    return peak;
}

/* The sum of the exponentials of a row but for one of the largest, whose exponential is 1. */
static float sum_of_others(const float *row, int64_t classes, float peak) {
    Vector sum = {0};
    double tied = 0;
    for (int64_t j = 0; j < classes; j += LANES) {
        Vector x = load_next(row, j, classes);
        Bits top = (Bits)(x == peak);
        sum += (Vector)((Bits)exponential(x - peak) & ~top);
        for (int i = 0; i < LANES; i++) tied += top[i] & 1;
    }
    double rest = tied - 1;
    for (int i = 0; i < LANES; i++) rest += sum[i];
    return rest;
}

INLINE int is_class(int32_t label, int64_t classes) { return label >= 0 && label < classes; }

static void forward_item(const Work *work, int64_t item, float *room) {
    const Call *c = (const Call *)work;
    (void)room;
    Range rows = part(c, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        const float *row = c->scores + i * c->classes;
        float peak = largest(row, c->classes);
        /* Not a number minus itself, where the largest is infinity. */
        c->peak[i] = peak;
        c->rest[i] = sum_of_others(row, c->classes, peak) + (peak - peak);
        float own = is_class(c->labels[i], c->classes) ? row[c->labels[i]] - peak : NAN;
        c->loss[i] = log1pf(c->rest[i]) - own;
    }
}

/* The gradient: p of every class, and of the label minus the share of the others, in which nothing cancels. */
static void backward_item(const Work *work, int64_t item, float *room) {
    const Call *c = (const Call *)work;
    (void)room;
    Range rows = part(c, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        const float *row = c->scores + i * c->classes;
        float *to = c->scores_ct + i * c->classes, peak = c->peak_kept[i], rest = c->rest_kept[i];
        int known = is_class(c->labels[i], c->classes);
        float own = known ? expf(row[c->labels[i]] - peak) : NAN, others = rest + (1 - own);
        float share = c->ct[i] / (others + own);
        for (int64_t j = 0; j < c->classes; j += LANES) {
            Vector moved = exponential(load_next(row, j, c->classes) - peak) * share;
            if (j + LANES <= c->classes) store(to + j, moved);
            else for (int64_t k = j; k < c->classes; k++) to[k] = moved[k - j];
        }
        if (known) to[c->labels[i]] = -others * share;
    }
}

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

static Call *begin(CallFrame *frame, Work work) {
    Call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    Buffer **from = frame->arguments.buffers;
    c->rows = from[0]->dims[0], c->classes = from[0]->dims[1];
    c->scores = from[0]->data, c->labels = from[1]->data;
    c->work = work;
    c->work.threads = threads_of(frame);
    c->work.items = most(1, least(ITEMS_A_THREAD * c->work.threads, c->rows * c->classes / FEWEST_NUMBERS));
    return c;
}

void *cross_entropy_forward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, (Work){.item = forward_item});
    if (!c) return answer(frame, NO_MEMORY);
    Buffer **to = frame->results.buffers;
    c->loss = to[0]->data, c->peak = to[1]->data, c->rest = to[2]->data;
    return answer(frame, run(frame, &c->work));
}

void *cross_entropy_backward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, (Work){.item = backward_item});
    if (!c) return answer(frame, NO_MEMORY);
    Buffer **from = frame->arguments.buffers;
    c->peak_kept = from[2]->data, c->rest_kept = from[3]->data, c->ct = from[4]->data;
    c->scores_ct = frame->results.buffers[0]->data;
    return answer(frame, run(frame, &c->work));
}
