/* What the C files that compute share: vectors of the processor, and items of work on XLA's threads. */

#include <math.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include "xla_ffi.h"

/* ---- Vectors ----------------------------------------------------------------------------------------------------- */

#if defined(__AVX512F__)
#include <immintrin.h>
enum { LANES = 16 };
#elif defined(__AVX__)
enum { LANES = 8 };
#else
enum { LANES = 4 };
#endif

typedef float Vector __attribute__((vector_size(4 * LANES)));
typedef uint32_t Bits __attribute__((vector_size(4 * LANES)));
/* A vector in memory, which may lie anywhere. */
typedef float Anywhere __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define INLINE static inline __attribute__((always_inline))

INLINE Vector load(const float *from) { return (Vector)*(const Anywhere *)from; }
INLINE void store(float *to, Vector x) { *(Anywhere *)to = (Anywhere)x; }
/* The numbers of a row from j on, and `fill` behind its end; and what takes the place of those before its end. */
INLINE Vector load_some(const float *row, int64_t j, int64_t size, float fill) {
    if (j + LANES <= size) return load(row + j);
#if defined(__AVX512F__)
    return (Vector)_mm512_mask_loadu_ps(_mm512_set1_ps(fill), (1 << (size - j)) - 1, row + j);
#else
    float filled[LANES];
    for (int i = 0; i < LANES; i++) filled[i] = j + i < size ? row[j + i] : fill;
    return load(filled);
#endif
}
INLINE void store_some(float *row, int64_t j, int64_t size, Vector x) {
    if (j + LANES <= size) return store(row + j, x);
#if defined(__AVX512F__)
    _mm512_mask_storeu_ps(row + j, (1 << (size - j)) - 1, (__m512)x);
#else
    for (int i = 0; j + i < size; i++) row[j + i] = x[i];
#endif
}

/* XLA's numbers of the dtypes that an array may have where `number` reads it. */
enum { FLOAT32 = 11, BFLOAT16 = 16 };

/* A number of an array: of bfloat16, the upper half of a float32's bits, or of float32. */
INLINE float number(const void *array, int64_t i, int dtype) {
    if (dtype == FLOAT32) return ((const float *)array)[i];
    union { uint32_t bits; float number; } wide = {(uint32_t)((const uint16_t *)array)[i] << 16};
    return wide.number;
}

INLINE Vector chosen(Bits which, Vector one, Vector other) {
    return (Vector)(((Bits)one & which) | ((Bits)other & ~which));
}
INLINE Vector larger(Vector a, Vector b) { return chosen((Bits)(a > b), a, b); }

/* The upper halves of float32's bits, which a bfloat16 is, rounded to the nearest, even at a tie. */
typedef uint16_t Halves __attribute__((vector_size(2 * LANES)));
typedef uint16_t HalvesAnywhere __attribute__((vector_size(2 * LANES), aligned(2), may_alias));
INLINE Halves halves(Vector x) {
    Bits bits = (Bits)x, nearest = (bits + 0x7fff + (bits >> 16 & 1)) >> 16, nan = (Bits)(x != x);
    return __builtin_convertvector((nearest & ~nan) | (0x7fc0 & nan), Halves);
}

/* The numbers of an array from one on, of which so many are left, and 0 behind the last; and what takes their place. */
INLINE Vector load_numbers(const void *array, int64_t at, int64_t left, int dtype) {
    if (dtype == FLOAT32) return load_some((const float *)array + at, 0, left, 0);
    const uint16_t *from = (const uint16_t *)array + at;
    Halves upper = {0};
    if (left >= LANES) upper = (Halves)*(const HalvesAnywhere *)from;
    else memcpy(&upper, from, left * sizeof *from);
    return (Vector)(__builtin_convertvector(upper, Bits) << 16);
}
INLINE void store_numbers(void *array, int64_t at, int64_t left, int dtype, Vector x) {
    if (dtype == FLOAT32) return store_some((float *)array + at, 0, left, x);
    uint16_t *to = (uint16_t *)array + at;
    Halves upper = halves(x);
    if (left >= LANES) *(HalvesAnywhere *)to = (HalvesAnywhere)upper;
    else memcpy(to, &upper, left * sizeof *to);
}

/* A row of a matrix as float32: itself, or a copy in this room. */
INLINE const float *read_row(const void *matrix, int64_t i, int64_t width, int dtype, float *room) {
    if (dtype == FLOAT32) return (const float *)matrix + i * width;
    for (int64_t j = 0; j < width; j += LANES)
        store_some(room, j, width, load_numbers(matrix, i * width + j, width - j, dtype));
    return room;
}

/* Where a row of a matrix is computed, and what is done then. */
INLINE float *begin_row(void *matrix, int64_t i, int64_t width, int dtype, float *room) {
    return dtype == FLOAT32 ? (float *)matrix + i * width : room;
}
INLINE void end_row(void *matrix, int64_t i, int64_t width, int dtype, const float *room) {
    for (int64_t j = 0; j < width && dtype != FLOAT32; j += LANES)
        store_numbers(matrix, i * width + j, width - j, dtype, load_some(room, j, width, 0));
}

/* The sum of a vector's numbers, by halves, and their largest, which is no NaN. */
INLINE float sum_of(Vector x) {
    float all[LANES];
    store(all, x);
#pragma GCC unroll 4
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) all[i] += all[i + half];
    return all[0];
}
INLINE float largest_of(Vector x) {
    float all[LANES];
    store(all, x);
#pragma GCC unroll 4
    for (int half = LANES / 2; half; half /= 2)
        for (int i = 0; i < half; i++) all[i] = all[i] > all[i + half] ? all[i] : all[i + half];
    return all[0];
}

/* exp(x) of what is at most 0 as (1 + rest) power, each to the last digits, down to the smallest normal number. */
enum { EXPONENT = 23 };
static const float LEAST_EXPONENT = -87.336548f;
typedef struct { Vector rest, power; } Raised;
INLINE Raised raised(Vector x) {
    const float round = 12582912; /* 1.5 * 2^23: added to a small number, it leaves the nearest whole one */
    Vector shifted = x * 1.44269504f + round, whole = shifted - round;
    Vector rest = x - whole * 0.693359375f + whole * 2.12194440e-4f;
    Vector p = rest * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * rest + 8.3334519073e-3f;
    p = p * rest + 4.1665795894e-2f;
    p = p * rest + 1.6666665459e-1f;
    p = p * rest + 5.0000001201e-1f;
    return (Raised){p * (rest * rest) + rest, (Vector)(((Bits)shifted << EXPONENT) + 0x3f800000)};
}

/* exp of what is at most 0, within one unit in the last place; below the smallest normal number, 0. */
INLINE Vector exponential(Vector x) {
    Raised all = raised(x);
    return (Vector)((Bits)((all.rest + 1) * all.power) & ~(Bits)(x < LEAST_EXPONENT));
}
INLINE int64_t up(int64_t size, int64_t multiple) { return (size + multiple - 1) / multiple * multiple; }
INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* ---- Many threads: each takes the next item until there is none -------------------------------------------------- */

/* The beginning of a call's own structure, which lies in memory from calloc and is freed by the last that uses it. */
typedef struct Work {
    /* Does one item, with room for so many numbers of its own. */
    void (*item)(const struct Work *, int64_t, float *);
    int64_t items, threads;
    size_t room;
    /* On one thread: what is left when all items are done, and what is to be freed beside the structure. */
    void (*end)(const struct Work *);
    void (*forget)(const struct Work *);
    atomic_long next, done, users;
    atomic_int failed;
} Work;

/* A pass of a kind as `Work.item`: each has the pass, which is INLINE, for its kind alone. */
#define ITEM(pass, name, kind)                                               \
    static void pass##_##name(const Work *work, int64_t item, float *room) { \
        pass##_item(work, item, room, kind);                                 \
    }

#define NO_MEMORY "functional_nn: no memory"

/* Rows, or other things in order, from the low one on and below the high one. */
typedef struct { int64_t low, high; } Range;

/* One of so many parts of them: a multiple, and equal but for the last. */
INLINE Range part(int64_t size, int64_t multiple, int64_t parts, int64_t index) {
    int64_t each = up((size + parts - 1) / parts, multiple);
    return (Range){least(size, index * each), least(size, (index + 1) * each)};
}

static void leave(Work *work) {
    if (atomic_fetch_sub(&work->users, 1) != 1) return;
    if (work->forget) work->forget(work);
    free(work);
}

static void take_items(void *data) {
    Work *work = data;
    float *room = NULL;
    for (long item; (item = atomic_fetch_add(&work->next, 1)) < work->items; atomic_fetch_add(&work->done, 1)) {
        if (!room && posix_memalign((void **)&room, 64, most(1, work->room) * sizeof *room))
            room = NULL, work->failed = 1;
        if (room) work->item(work, item, room);
    }
    free(room);
    leave(work);
}

/* How many threads XLA gives to this device. */
static int64_t threads_of(CallFrame *frame) {
    int64_t threads = 1;
    CountThreads count = {sizeof count, NULL, frame->context, &threads};
    return frame->api->count_threads(&count) ? 1 : threads;
}

/* Does all items, some perhaps on other threads. Waits for items, not for threads: one that comes late finds nothing
   to do, and the last to leave frees the work. */
static const char *run(CallFrame *frame, Work *work) {
    atomic_store(&work->users, 2);
    for (int64_t i = 1; i < least(work->threads, work->items); i++) {
        atomic_fetch_add(&work->users, 1);
        Schedule another = {sizeof another, NULL, frame->context, take_items, work};
        if (frame->api->schedule(&another)) leave(work);
    }
    take_items(work);
    while (atomic_load(&work->done) < work->items) sched_yield();
    const char *failure = work->failed ? NO_MEMORY : NULL;
    if (!failure && work->end) work->end(work);
    leave(work);
    return failure;
}
