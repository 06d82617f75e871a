/* Attention and its gradient with respect to query, key and value, as functions that XLA calls (jax.ffi).

   Some queries meet some keys at a time: their scores, up to BLOCK x BLOCK, stay in the cache. Forward, the largest
   score and the sum of exponentials so far are corrected as keys come (arXiv:2205.14135); backward, the scores are
   computed again from the peak and the share that were kept of each query. All arrays are float32 with axes (batch,
   length, heads, depth); the queries come scaled. */

#include "rows.h"

/* ---- Products of blocks ------------------------------------------------------------------------------------------ */

#if defined(__AVX512F__)
enum { ROWS = 8 };
#elif defined(__AVX__)
enum { ROWS = 4 };
#else
enum { ROWS = 8 };
#endif
enum { WIDTH = 2 * LANES, BLOCK = 64 };

/* A matrix by the distance of its rows and of the numbers of a row. */
typedef struct { const float *data; int64_t row, step; } Left;
/* A matrix in panels of WIDTH columns, by the distance of its rows within a panel, and of panels. */
typedef struct { const float *data; int64_t row, panel; } Right;

/* ROWS x WIDTH numbers of a product, each added up in the order of `count`, and then to what is there. */
INLINE void tile(Left a, const float *b, int64_t b_row, int64_t count, float *out, int64_t out_row, int add) {
    Vector sum[ROWS][2];
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < 2; i++) sum[r][i] = (Vector){0};
    for (int64_t k = 0; k < count; k++) {
        Vector first = load(b + k * b_row), second = load(b + k * b_row + LANES);
#pragma GCC unroll 8
        for (int r = 0; r < ROWS; r++) {
            float each = a.data[r * a.row + k * a.step];
            sum[r][0] += each * first;
            sum[r][1] += each * second;
        }
    }
#pragma GCC unroll 8
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < 2; i++) {
            float *to = out + r * out_row + i * LANES;
            if (add) sum[r][i] += load(to);
            store(to, sum[r][i]);
        }
}

/* A block of scores, up to whole tiles; the numbers of row i that count begin at i + low and end below i + high. */
typedef struct { int64_t rows, columns, low, high; } Block;

INLINE Block transposed(Block b) {
    return (Block){b.columns, b.rows, 1 - b.high, 1 - b.low};
}

/* Adds the product of a block, which is 0 where numbers do not count, by a matrix as wide as `out`. */
INLINE void add_product(Left a, Block b, Right by, int64_t width, float *out) {
    for (int64_t column = 0; column < width; column += WIDTH)
        for (int64_t r = 0; r < b.rows; r += ROWS) {
            int64_t low = most(0, r + b.low), high = least(b.columns, r + ROWS - 1 + b.high);
            const float *panel = by.data + column / WIDTH * by.panel;
            tile((Left){a.data + r * a.row + low * a.step, a.row, a.step}, panel + low * by.row, by.row, high - low,
                 out + r * width + column, width, 1);
        }
}

/* A block of the products of rows by columns, 0 where whole tiles do not count. */
INLINE void multiply(Left a, Right by, int64_t count, Block b, float *out) {
    for (int64_t column = 0; column < b.columns; column += WIDTH)
        for (int64_t r = 0; r < b.rows; r += ROWS) {
            int counts = r + b.low < column + WIDTH && column < r + ROWS - 1 + b.high;
            tile((Left){a.data + r * a.row, a.row, a.step}, by.data + column / WIDTH * by.panel, by.row,
                 counts ? count : 0, out + r * BLOCK + column, BLOCK, 0);
        }
}

/* ---- What is to be done ------------------------------------------------------------------------------------------ */

typedef struct { int64_t heads, depth; } Shape;

typedef struct {
    Work work;
    int64_t batch, length, key_length, heads, key_heads, depth, value_depth, causal, window, parts;
    const float *query, *key, *value, *out_kept, *peak_kept, *share_kept, *ct;
    float *out, *peak, *share, *query_ct, *key_ct, *value_ct;
    /* The gradient of the queries, by parts of the keys, where there are several. */
    float *partial;
} Call;

/* The keys that queries from start to stop may see: `Sight.keys`. */
static Range seen(const Call *c, int64_t start, int64_t stop) {
    int64_t offset = c->key_length - c->length, low = 0, high = c->key_length;
    if (c->window) low = most(low, start + offset - c->window + 1), high = least(high, stop + offset + c->window - 1);
    if (c->causal) high = least(high, stop + offset);
    return (Range){low, most(low, high)};
}

/* Rows of one head, each filled up with zeros to `width`, and rows of zeros up to whole blocks. */
static void copy(float *to, const float *from, Range rows, Shape s, int64_t head, int64_t width) {
    int64_t count = rows.high - rows.low;
    memset(to, 0, up(count, BLOCK) * width * sizeof *to);
    for (int64_t i = 0; i < count; i++)
        memcpy(to + i * width, from + ((rows.low + i) * s.heads + head) * s.depth, s.depth * sizeof *to);
}

/* LANES rows of as many numbers become columns: bit by bit, the number of a row and the place in it change places. */
INLINE void turn(Vector rows[LANES]) {
#if defined(__clang__)
    float all[LANES][LANES];
    memcpy(all, rows, sizeof all);
    for (int i = 0; i < LANES; i++)
        for (int j = 0; j < LANES; j++) rows[j][i] = all[i][j];
#else
#pragma GCC unroll 4
    for (int bit = LANES / 2; bit; bit /= 2) {
        Bits upper, lower;
#pragma GCC unroll 16
        for (int j = 0; j < LANES; j++) {
            upper[j] = j & bit ? LANES + j - bit : j;
            lower[j] = j & bit ? LANES + j : j + bit;
        }
#pragma GCC unroll 16
        for (int i = 0; i < LANES; i++) {
            if (i & bit) continue;
            Vector above = rows[i], below = rows[i + bit];
            rows[i] = __builtin_shuffle(above, below, upper), rows[i + bit] = __builtin_shuffle(above, below, lower);
        }
    }
#endif
}

/* The same rows as columns, in panels of WIDTH of them. */
static void transpose(float *to, const float *from, Range rows, Shape s, int64_t head) {
    int64_t count = rows.high - rows.low;
    for (int64_t i = 0; i < up(count, BLOCK); i += LANES)
        for (int64_t d = 0; d < s.depth; d += LANES) {
            Vector some[LANES] = {{0}};
            for (int64_t r = 0; r < least(LANES, count - i); r++)
                some[r] = load_some(from + ((rows.low + i + r) * s.heads + head) * s.depth, d, s.depth, 0);
            turn(some);
            float *panel = to + i / WIDTH * WIDTH * s.depth + i % WIDTH;
            for (int64_t r = 0; r < least(LANES, s.depth - d); r++) store(panel + (d + r) * WIDTH, some[r]);
        }
}

/* The block that begins at this query and this key; the key at the first query's own place is in column `same`. */
static Block block_of(const Call *c, int64_t first_query, int64_t first_key) {
    int64_t same = first_query + c->key_length - c->length - first_key;
    int64_t rows = least(BLOCK, up(c->length - first_query, ROWS));
    int64_t columns = least(BLOCK, up(c->key_length - first_key, WIDTH));
    int64_t low = c->window ? same - c->window + 1 : -BLOCK;
    return (Block){rows, columns, low, c->causal ? same + 1 : c->window ? same + c->window : BLOCK};
}

/* One block's scores, minus infinity where a query may not see a key, or there is no key. */
static void score(const Call *c, Left query, Right key, Block b, int64_t first_key, float *scores) {
    multiply(query, key, c->depth, b, scores);
    int64_t keys = c->key_length - first_key;
    if (b.rows - 1 + b.low <= 0 && least(b.high, keys) >= b.columns) return;
    for (int64_t i = 0; i < b.rows; i++) {
        for (int64_t j = 0; j < least(b.columns, i + b.low); j++) scores[i * BLOCK + j] = -INFINITY;
        for (int64_t j = most(0, least(i + b.high, keys)); j < b.columns; j++) scores[i * BLOCK + j] = -INFINITY;
    }
}

/* ---- Forward: the queries of one part, all heads that share a key head ------------------------------------------- */

/* The exponentials of a row of scores, which they take the place of; what was summed is corrected to the new peak. */
static float exponentiate(float *scores, int64_t columns, float *peak, float *total) {
    Vector highest = load(scores);
    for (int64_t j = LANES; j < columns; j += LANES) highest = larger(highest, load(scores + j));
    float before = *peak, top = largest_of(highest);
    top = top > before ? top : before;
    float origin = top == -INFINITY ? 0 : top;
    Vector sum = {0};
    for (int64_t j = 0; j < columns; j += LANES) {
        Vector raised = exponential(load(scores + j) - origin);
        store(scores + j, raised);
        sum += raised;
    }
    float corrected = before == top ? 1 : expf(before - origin);
    *peak = top, *total = *total * corrected + sum_of(sum);
    return corrected;
}

static void finish(const Call *c, int64_t place, Range rows, const float *sums, int64_t width, const float *peak,
                   const float *total) {
    int64_t batch = place / c->heads, head = place % c->heads;
    for (int64_t i = 0; i < rows.high - rows.low; i++) {
        int64_t query = rows.low + i, at = place * c->length + query;
        float share = 1 / (total[i] == 0 ? 1 : total[i]);
        c->peak[at] = peak[i] == -INFINITY ? 0 : peak[i], c->share[at] = share;
        float *out = c->out + ((batch * c->length + query) * c->heads + head) * c->value_depth;
        for (int64_t d = 0; d < c->value_depth; d++) out[d] = sums[i * width + d] * share;
    }
}

static void forward_item(const Work *work, int64_t item, float *room) {
    const Call *c = (const Call *)work;
    int64_t of_part = item % c->parts, key_place = item / c->parts;
    int64_t batch = key_place / c->key_heads, key_head = key_place % c->key_heads, groups = c->heads / c->key_heads;
    Range queries = part(c->length, BLOCK, c->parts, c->parts - 1 - of_part), keys = seen(c, queries.low, queries.high);
    int64_t count = up(keys.high - keys.low, BLOCK), width = up(c->value_depth, WIDTH);
    float *key = room, *value = key + count * c->depth, *query = value + count * width;
    float *scores = query + BLOCK * c->depth, *sums = scores + BLOCK * BLOCK;
    float peak[BLOCK], total[BLOCK];
    transpose(key, c->key + batch * c->key_length * c->key_heads * c->depth, keys,
              (Shape){c->key_heads, c->depth}, key_head);
    copy(value, c->value + batch * c->key_length * c->key_heads * c->value_depth, keys,
         (Shape){c->key_heads, c->value_depth}, key_head, width);
    for (int64_t head = key_head * groups; head < (key_head + 1) * groups; head++)
        for (int64_t q = queries.low; q < queries.high; q += BLOCK) {
            Range rows = {q, least(q + BLOCK, queries.high)}, visible = seen(c, rows.low, rows.high);
            copy(query, c->query + batch * c->length * c->heads * c->depth, rows,
                 (Shape){c->heads, c->depth}, head, c->depth);
            memset(sums, 0, BLOCK * width * sizeof *sums);
            for (int i = 0; i < BLOCK; i++) peak[i] = -INFINITY, total[i] = 0;
            for (int64_t k = (visible.low - keys.low) / BLOCK * BLOCK; k < visible.high - keys.low; k += BLOCK) {
                Block b = block_of(c, q, keys.low + k);
                score(c, (Left){query, c->depth, 1}, (Right){key + k * c->depth, WIDTH, WIDTH * c->depth}, b,
                      keys.low + k, scores);
                for (int64_t i = 0; i < b.rows; i++) {
                    float corrected = exponentiate(scores + i * BLOCK, b.columns, peak + i, total + i);
                    if (corrected != 1)
                        for (int64_t d = 0; d < width; d++) sums[i * width + d] *= corrected;
                }
                add_product((Left){scores, BLOCK, 1}, b, (Right){value + k * width, width, WIDTH}, width, sums);
            }
            finish(c, batch * c->heads + head, rows, sums, width, peak, total);
        }
}

/* ---- Backward: the keys of one part and one head, all queries that see them -------------------------------------- */

/* All queries of one head, in rows: themselves and their gradients, the cotangent, and three numbers each. */
typedef struct { float *query, *query_ct, *ct, *peak, *share, *mean; } Head;
/* A block of keys and values, as columns and the keys as rows too, and their gradients; and a block's two matrices. */
typedef struct { float *by_column, *by_row, *values, *key_ct, *value_ct, *scores, *weights_ct; } Keys;

/* The mean of the weights' gradients is ct . out, added up as `tile` does, so that what cancels does so exactly. Some
   rows side by side: each waits for its own sum. */
INLINE void means(const float *ct, int64_t ct_row, const float *out, int64_t out_row, int rows, int64_t depth,
                  float *to) {
    float sum[ROWS] = {0};
    for (int64_t d = 0; d < depth; d++)
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) sum[r] = fmaf(ct[r * ct_row + d], out[r * out_row + d], sum[r]);
    memcpy(to, sum, rows * sizeof *to);
}

static void gather(const Call *c, Head h, Range rows, int64_t batch, int64_t head, int64_t width, int64_t value_width) {
    Shape query = {c->heads, c->depth}, value = {c->heads, c->value_depth};
    int64_t first = batch * c->length * c->heads, count = up(rows.high - rows.low, BLOCK);
    copy(h.query, c->query + first * c->depth, rows, query, head, width);
    copy(h.ct, c->ct + first * c->value_depth, rows, value, head, value_width);
    memset(h.share, 0, count * sizeof *h.share), memset(h.peak, 0, count * sizeof *h.peak);
    memset(h.mean, 0, count * sizeof *h.mean);
    int64_t known = rows.high - rows.low, at = (batch * c->heads + head) * c->length + rows.low;
    memcpy(h.peak, c->peak_kept + at, known * sizeof *h.peak);
    memcpy(h.share, c->share_kept + at, known * sizeof *h.share);
    const float *out = c->out_kept + (first + rows.low * c->heads + head) * c->value_depth;
    int64_t next = c->heads * c->value_depth, i = 0;
    for (int some = ROWS; i < known; i += some) {
        if (i + some > known) some = 1;
        const float *ct = h.ct + i * value_width;
        if (some == ROWS) means(ct, value_width, out + i * next, next, ROWS, c->value_depth, h.mean + i);
        else means(ct, value_width, out + i * next, next, 1, c->value_depth, h.mean + i);
    }
}

/* Of scores and of the weights' gradients: the weights, and the scores' gradients. */
static void weigh(float *scores, float *weights_ct, Block b, Head h, int64_t first) {
    for (int64_t i = 0; i < b.rows; i++) {
        float peak = h.peak[first + i], share = h.share[first + i], mean = h.mean[first + i];
        for (int64_t j = i * BLOCK; j < i * BLOCK + b.columns; j += LANES) {
            Vector weight = exponential(load(scores + j) - peak) * share;
            store(scores + j, weight);
            store(weights_ct + j, weight * (load(weights_ct + j) - mean));
        }
    }
}

/* Adds to the output, or begins it, some rows of one head. */
static void put(float *out, const float *from, Range rows, Shape s, int64_t head, int64_t width, int add) {
    for (int64_t i = 0; i < rows.high - rows.low; i++) {
        float *row = out + ((rows.low + i) * s.heads + head) * s.depth;
        for (int64_t d = 0; d < s.depth; d++) row[d] = (add ? row[d] : 0) + from[i * width + d];
    }
}

/* What a block of queries and one of keys add to each other's gradients. */
static void meet(const Call *c, Head h, Keys b, int64_t first_query, int64_t first_key) {
    int64_t width = up(c->depth, WIDTH), value_width = up(c->value_depth, WIDTH);
    float *query = h.query + first_query * width, *query_ct = h.query_ct + first_query * width;
    float *ct = h.ct + first_query * value_width;
    Left scores_by_key = {b.scores, 1, BLOCK}, weights_ct_by_key = {b.weights_ct, 1, BLOCK};
    Block by_query = block_of(c, first_query, first_key), by_key = transposed(by_query);
    score(c, (Left){query, width, 1}, (Right){b.by_column, WIDTH, WIDTH * c->depth}, by_query, first_key, b.scores);
    multiply((Left){ct, value_width, 1}, (Right){b.values, WIDTH, WIDTH * c->value_depth}, c->value_depth, by_query,
             b.weights_ct);
    weigh(b.scores, b.weights_ct, by_query, h, first_query);
    add_product(scores_by_key, by_key, (Right){ct, value_width, WIDTH}, value_width, b.value_ct);
    add_product(weights_ct_by_key, by_key, (Right){query, width, WIDTH}, width, b.key_ct);
    add_product((Left){b.weights_ct, BLOCK, 1}, by_query, (Right){b.by_row, width, WIDTH}, width, query_ct);
}

/* Some keys of one example meet all queries of a head that see them; `add` where another head did before. */
static void backward_keys(const Call *c, Head h, Keys b, Range keys, int64_t batch, int64_t key_head, int add) {
    Shape key = {c->key_heads, c->depth}, value = {c->key_heads, c->value_depth};
    int64_t width = up(c->depth, WIDTH), value_width = up(c->value_depth, WIDTH);
    int64_t first = batch * c->key_length * c->key_heads;
    for (int64_t k = keys.low; k < keys.high; k += BLOCK) {
        Range some = {k, least(k + BLOCK, keys.high)};
        transpose(b.by_column, c->key + first * c->depth, some, key, key_head);
        copy(b.by_row, c->key + first * c->depth, some, key, key_head, width);
        transpose(b.values, c->value + first * c->value_depth, some, value, key_head);
        memset(b.key_ct, 0, BLOCK * width * sizeof *b.key_ct);
        memset(b.value_ct, 0, BLOCK * value_width * sizeof *b.value_ct);
        for (int64_t q = 0; q < c->length; q += BLOCK) {
            Range visible = seen(c, q, least(q + BLOCK, c->length));
            if (visible.low < some.high && some.low < visible.high) meet(c, h, b, q, k);
        }
        put(c->key_ct + first * c->depth, b.key_ct, some, key, key_head, width, add);
        put(c->value_ct + first * c->value_depth, b.value_ct, some, value, key_head, value_width, add);
    }
}

/* The next numbers of the room. */
static float *take(float **room, int64_t count) {
    *room += count;
    return *room - count;
}

static void backward_item(const Work *work, int64_t item, float *room) {
    const Call *c = (const Call *)work;
    int64_t of_part = item % c->parts, key_place = item / c->parts;
    int64_t batch = key_place / c->key_heads, key_head = key_place % c->key_heads, groups = c->heads / c->key_heads;
    int64_t rows = up(c->length, BLOCK), width = up(c->depth, WIDTH), value_width = up(c->value_depth, WIDTH);
    Head h = {take(&room, rows * width), take(&room, rows * width), take(&room, rows * value_width),
              take(&room, rows), take(&room, rows), take(&room, rows)};
    Keys b = {take(&room, BLOCK * width), take(&room, BLOCK * width), take(&room, BLOCK * value_width),
              take(&room, BLOCK * width), take(&room, BLOCK * value_width), take(&room, BLOCK * BLOCK), room};
    float *out = c->parts == 1 ? c->query_ct : c->partial + of_part * c->batch * c->length * c->heads * c->depth;
    for (int64_t group = 0; group < groups; group++) {
        int64_t head = key_head * groups + group;
        Range all = {0, c->length};
        gather(c, h, all, batch, head, width, value_width);
        memset(h.query_ct, 0, rows * width * sizeof *h.query_ct);
        backward_keys(c, h, b, part(c->key_length, BLOCK, c->parts, of_part), batch, key_head, group > 0);
        put(out + batch * c->length * c->heads * c->depth, h.query_ct, all, (Shape){c->heads, c->depth},
            head, width, 0);
    }
}

/* The parts of the queries' gradient, in the order of the parts, whoever computed them. */
static void add_parts(const Work *work) {
    const Call *c = (const Call *)work;
    if (!c->partial) return;
    int64_t size = c->batch * c->length * c->heads * c->depth;
    memcpy(c->query_ct, c->partial, size * sizeof *c->query_ct);
    for (int64_t i = 1; i < c->parts; i++)
        for (int64_t j = 0; j < size; j++) c->query_ct[j] += c->partial[i * size + j];
}

/* ---- What XLA calls ---------------------------------------------------------------------------------------------- */

enum { MOST_PARTS = 4, ITEMS_A_THREAD = 2 };

static void forget(const Work *work) { free(((const Call *)work)->partial); }

static Call *begin(CallFrame *frame, void (*item)(const Work *, int64_t, float *)) {
    Call *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    int64_t threads = threads_of(frame);
    Buffer **from = frame->arguments.buffers;
    const int64_t *query = from[0]->dims, *key = from[1]->dims, *sight = frame->attributes.arrays[0]->data;
    c->batch = query[0], c->length = query[1], c->heads = query[2], c->depth = query[3];
    c->key_length = key[1], c->key_heads = key[2], c->value_depth = from[2]->dims[3];
    c->causal = sight[0], c->window = sight[1];
    c->query = from[0]->data, c->key = from[1]->data, c->value = from[2]->data;
    int64_t heads = c->batch * c->key_heads, wanted = (ITEMS_A_THREAD * threads + heads - 1) / heads;
    c->parts = most(1, least(wanted, MOST_PARTS));
    c->work = (Work){.item = item, .items = heads * c->parts, .threads = threads, .end = add_parts, .forget = forget};
    return c;
}

void *attention_forward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, forward_item);
    if (!c) return answer(frame, NO_MEMORY);
    Buffer **to = frame->results.buffers;
    c->out = to[0]->data, c->peak = to[1]->data, c->share = to[2]->data;
    int64_t width = up(c->value_depth, WIDTH);
    c->work.room = up(c->key_length, BLOCK) * (c->depth + width) + BLOCK * (c->depth + BLOCK + width);
    return answer(frame, run(frame, &c->work));
}

void *attention_backward(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    Call *c = begin(frame, backward_item);
    if (!c) return answer(frame, NO_MEMORY);
    Buffer **from = frame->arguments.buffers, **to = frame->results.buffers;
    c->out_kept = from[3]->data, c->peak_kept = from[4]->data, c->share_kept = from[5]->data, c->ct = from[6]->data;
    c->query_ct = to[0]->data, c->key_ct = to[1]->data, c->value_ct = to[2]->data;
    int64_t width = up(c->depth, WIDTH), value_width = up(c->value_depth, WIDTH);
    c->work.room = up(c->length, BLOCK) * (2 * width + value_width + 3) +
                   BLOCK * (3 * width + 2 * value_width + 2 * BLOCK);
    if (c->parts > 1) {
        c->partial = malloc(c->parts * c->batch * c->length * c->heads * c->depth * sizeof *c->partial);
        if (!c->partial) return free(c), answer(frame, NO_MEMORY);
    }
    return answer(frame, run(frame, &c->work));
}
