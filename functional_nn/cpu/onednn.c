/* Convolutions by oneDNN, as a function that XLA calls (jax.ffi). `onednn.py` compiles and loads this file.

   A function of Python would not do: a Ctrl-C that arrives just before it runs is raised inside of it, where nobody
   can catch it, and XLA would go on with an output that was never written.

   Declared here is as much as is used of a binary interface that promises to stay: oneDNN's, version 3, of
   oneapi/dnnl/dnnl.h. */

#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include "xla_ffi.h"

/* ---- oneDNN ---------------------------------------------------------------------------------------------------- */

enum { MOST_DIMENSIONS = 12, CPU = 1, IN_ORDER = 1, ANY_FORMAT = 1, USER_SCRATCHPAD = 1, PAGE = 4096 };
enum { FORWARD_TRAINING = 64, DIRECT = 1 };
enum { IMPLEMENTATION = 8, WEIGHTS_DESCRIPTION = 131, WEIGHTS_CT_DESCRIPTION = 132, SCRATCHPAD_DESCRIPTION = 136 };
enum { SRC = 1, DST = 17, WEIGHTS = 33, BIAS = 41, SCRATCHPAD = 80 };
enum { SRC_CT = 129, DST_CT = 145, WEIGHTS_CT = 161, BIAS_CT = 169 };

typedef int64_t Dims[MOST_DIMENSIONS];
typedef void *Handle;
typedef struct { int role; Handle memory; } Argument;

/* One line a function: what it gives, its name in oneDNN, what it takes. An int is a status, 0 for success. */
#define FUNCTIONS(F) \
    F(int, engine_create, (Handle *, int kind, size_t index)) \
    F(int, stream_create, (Handle *, Handle engine, unsigned flags)) \
    F(int, memory_desc_create_with_strides, (Handle *, int rank, const int64_t *dims, int type, \
      const int64_t *strides)) \
    F(int, memory_desc_create_with_tag, (Handle *, int rank, const int64_t *dims, int type, int tag)) \
    F(int, memory_desc_equal, (Handle, Handle)) \
    F(size_t, memory_desc_get_size, (Handle)) \
    F(int, memory_create, (Handle *, Handle description, Handle engine, void *data)) \
    F(int, memory_set_data_handle, (Handle, void *data)) \
    F(int, primitive_attr_create, (Handle *)) \
    F(int, primitive_attr_set_scratchpad_mode, (Handle, int mode)) \
    F(int, convolution_forward_primitive_desc_create, (Handle *, Handle engine, int kind, int algorithm, Handle src, \
      Handle weights, Handle bias, Handle dst, Dims strides, Dims dilations, Dims low, Dims high, Handle attr)) \
    F(int, convolution_backward_data_primitive_desc_create, (Handle *, Handle engine, int algorithm, Handle src, \
      Handle weights, Handle dst, Dims strides, Dims dilations, Dims low, Dims high, Handle forward, Handle attr)) \
    F(int, convolution_backward_weights_primitive_desc_create, (Handle *, Handle engine, int algorithm, Handle src, \
      Handle weights, Handle bias, Handle dst, Dims strides, Dims dilations, Dims low, Dims high, Handle forward, \
      Handle attr)) \
    F(int, reorder_primitive_desc_create, (Handle *, Handle from, Handle, Handle to, Handle, Handle attr)) \
    F(int, primitive_desc_query, (Handle, int what, int index, void *result)) \
    F(Handle, primitive_desc_query_md, (Handle, int what, int index)) \
    F(int, primitive_create, (Handle *, Handle description)) \
    F(int, primitive_execute, (Handle, Handle stream, int count, const Argument *))

#define DECLARE(type, name, arguments) static type (*name) arguments;
FUNCTIONS(DECLARE)
static Handle engine, stream, own_scratchpad;

/* ---- A convolution, prepared once for all calls of the same geometry ------------------------------------------- */

enum Sum { CORRELATE, SPREAD, GATHER };

/* What `onednn.py` says of a convolution, all that its arrays' shapes follow from; `type` is oneDNN's number of their
   dtype, and `biased` is 1 where a bias is added, or gathered beside the kernel. Channels are last. */
typedef struct { int64_t size, window, stride, dilation, low, high, count; } Line;
typedef struct { int64_t sum, type, groups, biased, batch, inputs, outputs, rank; Line lines[3]; } Geometry;

typedef struct Convolution {
    struct Convolution *next;
    size_t key_size;
    Geometry geometry;
    Handle primitive, reorder, x, kernel, own_kernel, bias, out, scratchpad;
    size_t scratchpad_size, own_kernel_size;
} Convolution;

static Convolution *prepared;
static void *scratch;
static size_t scratch_size;
/* One at a time: each uses all cores, and they share the memory for what lasts as long as a call: the scratchpad, and
   behind it the kernel in oneDNN's own order. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define TRY(call) do { if (call) return "oneDNN refused " #call; } while (0)

/* The image's description: dimensions in oneDNN's order, batch, channels, positions; strides of channels last. */
static int describe_image(Handle *description, const Geometry *g, int64_t channels, int is_out) {
    int rank = (int)g->rank;
    Dims dims = {g->batch, channels}, strides = {0, 1};
    int64_t step = channels;
    for (int i = rank - 1; i >= 0; step *= dims[2 + i], i--) {
        dims[2 + i] = is_out ? g->lines[i].count : g->lines[i].size;
        strides[2 + i] = step;
    }
    strides[0] = step;
    return memory_desc_create_with_strides(description, rank + 2, dims, (int)g->type, strides);
}

/* The kernel's: as it lies in memory, windows, inputs a group, outputs; and in the order that oneDNN likes best. */
static int describe_kernel(Handle *plain, Handle *best, const Geometry *g) {
    int first = g->groups > 1, rank = (int)g->rank;
    Dims dims = {g->groups}, strides = {g->outputs / g->groups};
    dims[first] = g->outputs / g->groups, strides[first] = 1;
    dims[first + 1] = g->inputs / g->groups, strides[first + 1] = g->outputs;
    int64_t step = g->inputs / g->groups * g->outputs;
    for (int i = rank - 1; i >= 0; step *= dims[first + 2 + i], i--) {
        dims[first + 2 + i] = g->lines[i].window;
        strides[first + 2 + i] = step;
    }
    int type = (int)g->type, failed = memory_desc_create_with_strides(plain, first + 2 + rank, dims, type, strides);
    return failed || memory_desc_create_with_tag(best, first + 2 + rank, dims, type, ANY_FORMAT);
}

static const char *make_primitive(Handle *description, const Geometry *g, Handle x, Handle kernel, Handle bias,
                                  Handle out) {
    Dims strides, dilations, low, high;
    for (int i = 0; i < g->rank; i++) {
        strides[i] = g->lines[i].stride, dilations[i] = g->lines[i].dilation - 1;
        low[i] = g->lines[i].low, high[i] = g->lines[i].high;
    }
    Handle forward;
    TRY(convolution_forward_primitive_desc_create(&forward, engine, FORWARD_TRAINING, DIRECT, x, kernel, bias, out,
                                                  strides, dilations, low, high, own_scratchpad));
    if (g->sum == CORRELATE)
        *description = forward;
    else if (g->sum == SPREAD)
        TRY(convolution_backward_data_primitive_desc_create(description, engine, DIRECT, x, kernel, out, strides,
                                                            dilations, low, high, forward, own_scratchpad));
    else
        TRY(convolution_backward_weights_primitive_desc_create(description, engine, DIRECT, x, kernel, bias, out,
                                                               strides, dilations, low, high, forward, own_scratchpad));
    return NULL;
}

static size_t whole_pages(size_t size) { return (size + PAGE - 1) / PAGE * PAGE; }

static const char *prepare(Convolution *c) {
    const Geometry *g = &c->geometry;
    Handle x, plain, best, bias = NULL, out, description;
    TRY(describe_image(&x, g, g->inputs, 0));
    TRY(describe_image(&out, g, g->outputs, 1));
    TRY(describe_kernel(&plain, &best, g));
    if (g->biased) TRY(memory_desc_create_with_strides(&bias, 1, (Dims){g->outputs}, (int)g->type, (Dims){1}));
    const char *failure = make_primitive(&description, g, x, best, bias, out);
    if (failure) return failure;
    const char *implementation;
    TRY(primitive_desc_query(description, IMPLEMENTATION, 0, &implementation));
    if (!strncmp(implementation, "ref", 3)) return "oneDNN has plain loops only";
    TRY(primitive_create(&c->primitive, description));
    best = primitive_desc_query_md(description, g->sum == GATHER ? WEIGHTS_CT_DESCRIPTION : WEIGHTS_DESCRIPTION, 0);
    TRY(memory_create(&c->x, x, engine, NULL));
    TRY(memory_create(&c->kernel, plain, engine, NULL));
    if (bias) TRY(memory_create(&c->bias, bias, engine, NULL));
    TRY(memory_create(&c->out, out, engine, NULL));
    Handle scratchpad = primitive_desc_query_md(description, SCRATCHPAD_DESCRIPTION, 0);
    c->scratchpad_size = whole_pages(memory_desc_get_size(scratchpad));
    TRY(memory_create(&c->scratchpad, scratchpad, engine, NULL));
    c->own_kernel = c->kernel;
    if (memory_desc_equal(plain, best)) return NULL;
    c->own_kernel_size = memory_desc_get_size(best);
    TRY(memory_create(&c->own_kernel, best, engine, NULL));
    Handle from = g->sum == GATHER ? best : plain, to = g->sum == GATHER ? plain : best, reorder;
    TRY(reorder_primitive_desc_create(&reorder, from, engine, to, engine, NULL));
    TRY(primitive_create(&c->reorder, reorder));
    return NULL;
}

static const char *find(Convolution **found, const int64_t *key, size_t count) {
    size_t size = count * sizeof *key;
    for (Convolution *c = prepared; c; c = c->next)
        if (c->key_size == size && !memcmp(&c->geometry, key, size)) return *found = c, NULL;
    if (size > sizeof(Geometry)) return "oneDNN has at most 3 spatial dimensions";
    Convolution *c = calloc(1, sizeof *c);
    if (!c) return "no memory";
    c->key_size = size;
    memcpy(&c->geometry, key, size);
    const char *failure = engine ? prepare(c) : "oneDNN is not loaded";
    if (failure) return free(c), failure;
    c->next = prepared;
    return *found = prepared = c, NULL;
}

static const char *run(const Convolution *c, void *left, void *right, void *bias, void *given) {
    enum Sum sum = (enum Sum)c->geometry.sum;
    TRY(memory_set_data_handle(c->x, sum == SPREAD ? given : left));
    TRY(memory_set_data_handle(c->kernel, sum == GATHER ? given : right));
    TRY(memory_set_data_handle(c->out, sum == CORRELATE ? given : sum == SPREAD ? left : right));
    if (bias) TRY(memory_set_data_handle(c->bias, bias));
    size_t needed = c->scratchpad_size + c->own_kernel_size;
    if (needed > scratch_size) {
        free(scratch);
        scratch = NULL, scratch_size = 0;
        TRY(posix_memalign(&scratch, PAGE, needed));
        scratch_size = needed;
    }
    TRY(memory_set_data_handle(c->scratchpad, scratch));
    if (c->reorder) TRY(memory_set_data_handle(c->own_kernel, (char *)scratch + c->scratchpad_size));
    Argument arguments[] = {
        {sum == SPREAD ? SRC_CT : SRC, c->x},
        {sum == GATHER ? WEIGHTS_CT : WEIGHTS, c->own_kernel},
        {sum == CORRELATE ? DST : DST_CT, c->out},
        {SCRATCHPAD, c->scratchpad},
        {sum == GATHER ? BIAS_CT : BIAS, c->bias},
    };
    Argument order[] = {
        {SRC, sum == GATHER ? c->own_kernel : c->kernel},
        {DST, sum == GATHER ? c->kernel : c->own_kernel},
    };
    if (c->reorder && sum != GATHER) TRY(primitive_execute(c->reorder, stream, 2, order));
    TRY(primitive_execute(c->primitive, stream, bias ? 5 : 4, arguments));
    if (c->reorder && sum == GATHER) TRY(primitive_execute(c->reorder, stream, 2, order));
    return NULL;
}

/* ---- What Python and XLA call: each gives NULL, or what failed --------------------------------------------------- */

const char *onednn_open(const char *path) {
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) return dlerror();
#define LOAD(type, name, arguments) if (!(*(void **)&name = dlsym(library, "dnnl_" #name))) return dlerror();
    FUNCTIONS(LOAD)
    Handle made;
    TRY(primitive_attr_create(&own_scratchpad));
    TRY(primitive_attr_set_scratchpad_mode(own_scratchpad, USER_SCRATCHPAD));
    TRY(engine_create(&made, CPU, 0));
    TRY(stream_create(&stream, made, IN_ORDER));
    engine = made;
    return NULL;
}

const char *onednn_prepare(const int64_t *geometry, size_t count) {
    Convolution *convolution;
    pthread_mutex_lock(&lock);
    const char *failure = find(&convolution, geometry, count);
    pthread_mutex_unlock(&lock);
    return failure;
}

/* Its result lies where its argument does: a call that XLA cannot look into, and so a barrier. */
void *onednn_keep(CallFrame *frame) {
    answers_for_itself(frame);
    return NULL;
}

void *onednn_convolution(CallFrame *frame) {
    if (answers_for_itself(frame)) return NULL;
    const Array *geometry = frame->attributes.arrays[0];
    Buffer **arguments = frame->arguments.buffers, **results = frame->results.buffers;
    Convolution *convolution;
    pthread_mutex_lock(&lock);
    const char *failure = find(&convolution, geometry->data, geometry->size);
    if (!failure) {
        const Geometry *g = &convolution->geometry;
        void *bias = !g->biased ? NULL : g->sum == GATHER ? results[1]->data : arguments[2]->data;
        failure = run(convolution, arguments[0]->data, arguments[1]->data, bias, results[0]->data);
    }
    pthread_mutex_unlock(&lock);
    return answer(frame, failure);
}
