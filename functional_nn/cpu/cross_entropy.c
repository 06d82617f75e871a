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

/* Some neighbouring scores of a row from `at` on, and which of them no earlier piece has. */
typedef struct { Vector scores; int64_t at; Bits fresh; } Piece;

static const uint32_t PLACES[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/* The piece that begins at j. The last one of a row reaches back, and is filled up only where the row is short. */
INLINE Piece piece(const float *row, int64_t j, int64_t classes) {
    Bits place;
    memcpy(&place, PLACES, sizeof place);
    if (j + LANES <= classes) return (Piece){load(row + j), j, (Bits)(place >= 0)};
    if (classes >= LANES) {
        uint32_t seen = j - (classes - LANES);
        return (Piece){load(row + classes - LANES), classes - LANES, (Bits)(place >= seen)};
    }
    float filled[LANES];
    for (int i = 0; i < LANES; i++) filled[i] = i < classes ? row[i] : -INFINITY;
    return (Piece){load(filled), 0, (Bits)(place < (uint32_t)classes)};
}

static float largest(const float *row, int64_t classes) {
    Vector highest = piece(row, 0, classes).scores;
    for (int64_t j = LANES; j < classes; j += LANES) highest = larger(piece(row, j, classes).scores, highest);
    float peak = highest[0];
    for (int i = 1; i < LANES; i++) peak = highest[i] > peak ? highest[i] : peak;
    return peak;
}

/* The sum of the exponentials of a row but for one of the largest, whose exponential is 1. */
static float sum_of_others(const float *row, int64_t classes, float peak) {
    Vector sum = {0};
    Bits tied = {0};
    for (int64_t j = 0; j < classes; j += LANES) {
        Piece some = piece(row, j, classes);
        Bits top = (Bits)(some.scores == peak) & some.fresh;
        sum += (Vector)((Bits)exponential(some.scores - peak) & ~top & some.fresh);
        tied -= top; /* which is minus one where it is true */
    }
    double others = 0, largest = 0;
    for (int i = 0; i < LANES; i++) others += sum[i], largest += tied[i];
    return others + (largest - 1);
}

INLINE int is_class(int32_t label, int64_t classes) { return label >= 0 && label < classes; }

static void forward_item(const Work *work, int64_t item, float *room) {
    const Call *c = (const Call *)work;
    (void)room;
    Range rows = part(c->rows, 1, work->items, item);
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
    Range rows = part(c->rows, 1, work->items, item);
    for (int64_t i = rows.low; i < rows.high; i++) {
        const float *row = c->scores + i * c->classes;
        float *to = c->scores_ct + i * c->classes, peak = c->peak_kept[i], rest = c->rest_kept[i];
        int known = is_class(c->labels[i], c->classes);
        float own = known ? expf(row[c->labels[i]] - peak) : NAN, others = rest + (1 - own);
        float share = c->ct[i] / (others + own);
        for (int64_t j = 0; j < c->classes; j += LANES) {
            Piece some = piece(row, j, c->classes);
            Vector moved = exponential(some.scores - peak) * share;
            if (c->classes >= LANES) store(to + some.at, moved);
            else memcpy(to, &moved, c->classes * sizeof *to);
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
