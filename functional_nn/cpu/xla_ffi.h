/* As much of XLA's binary interface for calls of foreign functions as is used here: version 0.3 of
   xla/ffi/api/c_api.h, which promises to stay. */

#include <stddef.h>
#include <stdint.h>

typedef struct { size_t struct_size; void *extension; int major, minor; } Version;
typedef struct { size_t struct_size; Version version; uint32_t traits; } Metadata;
typedef struct { size_t struct_size; int type; void *next; Metadata *metadata; } Extension;
typedef struct { size_t struct_size; void *extension; int dtype; void *data; int64_t rank; int64_t *dims; } Buffer;
typedef struct { size_t struct_size; void *extension; int64_t size; int *types; Buffer **buffers; } Buffers;
typedef struct { int dtype; size_t size; int64_t *data; } Array;
typedef struct {
    size_t struct_size; void *extension; int64_t size; int *types; void **names; Array **arrays;
} Attributes;
typedef struct { size_t struct_size; void *extension; const char *message; int code; } ErrorArguments;
typedef struct { size_t struct_size; void *extension; void *context; void (*task)(void *); void *data; } Schedule;
typedef struct { size_t struct_size; void *extension; void *context; int64_t *threads; } CountThreads;
typedef struct {
    size_t struct_size; void *extension; Version version; void *internal; void *(*create_error)(ErrorArguments *);
    void *others[10];
    void *(*schedule)(Schedule *);
    void *(*count_threads)(CountThreads *);
} Api;
typedef struct {
    size_t struct_size; Extension *extension; Api *api; void *context; int stage;
    Buffers arguments, results; Attributes attributes;
} CallFrame;

enum { METADATA = 1, INTERNAL = 13 };

/* Whether XLA only asks which version of the interface the function was written for; it is told. */
static inline int answers_for_itself(CallFrame *frame) {
    if (!frame->extension || frame->extension->type != METADATA) return 0;
    frame->extension->metadata->version.major = 0;
    frame->extension->metadata->version.minor = 3;
    return 1;
}

/* What the function gives back: NULL, or an error of XLA's. */
static inline void *answer(CallFrame *frame, const char *failure) {
    ErrorArguments error = {sizeof error, NULL, failure, INTERNAL};
    return failure ? frame->api->create_error(&error) : NULL;
}
