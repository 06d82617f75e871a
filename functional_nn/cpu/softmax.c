/* Softmax of rows, its logarithm, its cross-entropy with labels, and the gradients with respect to the scores, as
   functions that XLA calls.

   Scores, and what has their shape, are float32 or bfloat16 (rows, classes), computed in float32; labels are int32. Of
   each row the exponentials beside that of the largest score are added up by themselves, so that nothing is lost where
   that one has nearly all of the total; the row stays in the cache. A row with a score that is NaN or infinity gives
   NaN, and so does cross-entropy of a label that is no class. */

#include "rows.h"

enum { ITEMS_A_THREAD = 2, FEWEST_NUMBERS = 4096 };
enum Kind { SOFTMAX, LOG_SOFTMAX, CROSS_ENTROPY };

typedef struct {
    Work work;
    int64_t rows, classes;
    int dtype;
    const void *scores, *ct;
    const float *peak_kept, *rest_kept;
    const int32_t *labels;
    float *peak, *rest;
    void *out;
} Call;

/* The scores of a row from j on; behind its end, such as have no part in anything. */
INLINE Vector scores_at(const float *row, int64_t j, int64_t classes) { return load_some(row, j, classes, -INFINITY); }

static float largest(const float *row, int64_t classes) {
    Vector highest = scores_at(row, 0, classes);
    for (int64_t j = LANES; j < classes; j += LANES) highest = larger(scores_at(row, j, classes), highest);
    return largest_of(highest);
}

/* The sum of a row's exponentials but for one of the largest, whose exponential is 1; all are written, if asked. */
INLINE float sum_of_others(const float *row, int64_t classes, float peak, float *raised) {
    Vector sum = {0};
    Bits tied = {0};
    for (int64_t j = 0; j < classes; j += LANES) {
        Vector scores = scores_at(row, j, classes), all = exponential(scores - peak);
        Bits top = (Bits)(scores == peak);
        sum += (Vector)((Bits)all & ~top);
        tied -= top; /* which is minus one where it is true */
        if (raised) store_some(raised, j, classes, all);
    }
    double others = 0, largest = 0;
    for (int i = 0; i < LANES; i++) others += sum[i], largest += tied[i];
    return others + (largest - 1);
}

INLINE int is_class(int32_t label, int64_t classes) { return label >= 0 && label < classes; }

INLINE void forward_item(const Work *work, int64_t item, float *room, enum Kind kind) {
    const Call *c = (const Call *)work;
    Range rows = part(c->rows, 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        const float *row = read_row(c->scores, i, c->classes, c->dtype, room);
        float *to = kind == CROSS_ENTROPY ? NULL : begin_row(c->out, i, c->classes, c->dtype, room + c->classes);
        float peak = largest(row, c->classes);
        /* Not a number minus itself, where the largest is infinity. */
        float rest = sum_of_others(row, c->classes, peak, kind == SOFTMAX ? to : NULL) + (peak - peak);
        c->peak[i] = peak, c->rest[i] = rest;
        if (kind == CROSS_ENTROPY) {
            float own = is_class(c->labels[i], c->classes) ? row[c->labels[i]] - peak : NAN;
            ((float *)c->out)[i] = log1pf(rest) - own;
            continue;
        }
        float total = 1 + rest, off = log1pf(rest);
        for (int64_t j = 0; j < c->classes; j += LANES) {
            Vector all = kind == SOFTMAX ? load_some(to, j, c->classes, 0) / total
                                         : scores_at(row, j, c->classes) - peak - off;
            store_some(to, j, c->classes, all);
        }
        end_row(c->out, i, c->classes, c->dtype, to);
    }
}

/* Of softmax: p (ct - sum p ct). */
static void softmax_ct(const Call *c, int64_t i, const float *row, const float *ct, float *to) {
    float peak = c->peak_kept[i], total = 1 + c->rest_kept[i];
    Vector sum = {0};
    for (int64_t j = 0; j < c->classes; j += LANES) {
        Vector p = exponential(scores_at(row, j, c->classes) - peak) / total;
        sum += p * load_some(ct, j, c->classes, 0);
        store_some(to, j, c->classes, p);
    }
    float mean = sum_of(sum);
    for (int64_t j = 0; j < c->classes; j += LANES)
        store_some(to, j, c->classes, load_some(to, j, c->classes, 0) * (load_some(ct, j, c->classes, 0) - mean));
}

/* Of its logarithm: ct - p sum ct. */
static void log_softmax_ct(const Call *c, int64_t i, const float *row, const float *ct, float *to) {
    float peak = c->peak_kept[i];
    Vector sum = {0};
    for (int64_t j = 0; j < c->classes; j += LANES) sum += load_some(ct, j, c->classes, 0);
    float share = sum_of(sum) / (1 + c->rest_kept[i]);
    for (int64_t j = 0; j < c->classes; j += LANES) {
        Vector raised = exponential(scores_at(row, j, c->classes) - peak);
        store_some(to, j, c->classes, load_some(ct, j, c->classes, 0) - raised * share);
    }
}

/* Of cross-entropy: p of every class, and of the label minus the share of the others, in which nothing cancels. */
static void cross_entropy_ct(const Call *c, int64_t i, const float *row, float *to) {
    float peak = c->peak_kept[i], rest = c->rest_kept[i];
    int known = is_class(c->labels[i], c->classes);
    float own = known ? expf(row[c->labels[i]] - peak) : NAN, others = rest + (1 - own);
    float share = ((const float *)c->ct)[i] / (others + own);
    for (int64_t j = 0; j < c->classes; j += LANES)
        store_some(to, j, c->classes, exponential(scores_at(row, j, c->classes) - peak) * share);
    if (known) to[c->labels[i]] = -others * share;
}

INLINE void backward_item(const Work *work, int64_t item, float *room, enum Kind kind) {
    const Call *c = (const Call *)work;
    Range rows = part(c->rows, 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        const float *row = read_row(c->scores, i, c->classes, c->dtype, room);
        const float *ct = kind == CROSS_ENTROPY ? NULL : read_row(c->ct, i, c->classes, c->dtype, room + c->classes);
        float *to = begin_row(c->out, i, c->classes, c->dtype, room + 2 * c->classes);
        if (kind == SOFTMAX) softmax_ct(c, i, row, ct, to);
        else if (kind == LOG_SOFTMAX) log_softmax_ct(c, i, row, ct, to);
        else cross_entropy_ct(c, i, row, to);
        end_row(c->out, i, c->classes, c->dtype, to);
    }
}

ITEM(forward, softmax, SOFTMAX)
ITEM(forward, log_softmax, LOG_SOFTMAX)
ITEM(forward, cross_entropy, CROSS_ENTROPY)
ITEM(backward, softmax, SOFTMAX)
ITEM(backward, log_softmax, LOG_SOFTMAX)
ITEM(backward, cross_entropy, CROSS_ENTROPY)

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

static Call *begin(CallFrame *frame, void (*item)(const Work *, int64_t, float *), int labelled) {
    Call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    Buffer **from = frame->arguments.buffers;
    c->rows = from[0]->dims[0], c->classes = from[0]->dims[1], c->dtype = from[0]->dtype;
    c->scores = from[0]->data;
    if (labelled) c->labels = from[1]->data;
    c->work.item = item;
    c->work.room = 3 * c->classes;
    c->work.threads = threads_of(frame);
    c->work.items = most(1, least(ITEMS_A_THREAD * c->work.threads, c->rows * c->classes / FEWEST_NUMBERS));
    return c;
}

static void *forward(CallFrame *frame, void (*item)(const Work *, int64_t, float *), int labelled) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, item, labelled);
    if (!c) return answer(frame, NO_MEMORY);
    Buffer **to = frame->results.buffers;
    c->out = to[0]->data, c->peak = to[1]->data, c->rest = to[2]->data;
    return answer(frame, run(frame, &c->work));
}

static void *backward(CallFrame *frame, void (*item)(const Work *, int64_t, float *), int labelled) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, item, labelled);
    if (!c) return answer(frame, NO_MEMORY);
    Buffer **kept = frame->arguments.buffers + (labelled ? 2 : 1);
    c->peak_kept = kept[0]->data, c->rest_kept = kept[1]->data, c->ct = kept[2]->data;
    c->out = frame->results.buffers[0]->data;
    return answer(frame, run(frame, &c->work));
}

void *softmax_forward(CallFrame *frame) { return forward(frame, forward_softmax, 0); }
void *softmax_backward(CallFrame *frame) { return backward(frame, backward_softmax, 0); }
void *log_softmax_forward(CallFrame *frame) { return forward(frame, forward_log_softmax, 0); }
void *log_softmax_backward(CallFrame *frame) { return backward(frame, backward_log_softmax, 0); }
void *cross_entropy_forward(CallFrame *frame) { return forward(frame, forward_cross_entropy, 1); }
void *cross_entropy_backward(CallFrame *frame) { return backward(frame, backward_cross_entropy, 1); }
