/* A stand-in for libedgetpu, which the tests compile. It has the same entry points and claims the same nodes, and needs
 * no Edge TPU. The structs are those of the TensorFlow Lite C interface that a delegate touches, in their stable order.
 *
 * What it does is told by environment variables:
 *   STUB_RECORD  a file to which the options of each delegate are appended, one "key=value" a line
 *   STUB_MODE    refuse: no delegate, and no reason, as libedgetpu does when no Edge TPU can be opened
 *                reason: no delegate, with a reason
 *                mismatch: the node is refused when it is prepared, as with a model of another compiler
 *                crash: the process ends by a signal when the delegate is made
 *                lost=N: a run fails after N runs, as when the stick is pulled
 *                abort=N: the process aborts after N runs, as libedgetpu does in some states of a pulled stick
 * Compile with -DNOT_A_DELEGATE for a library without the entry points, and with -DRUNTIME_OF_2021 for one whose
 * registration, which is handed over by value, ends where TensorFlow 2.5's did.
 *
 * A node's program is its custom data: "sum" adds two float tensors, "not" inverts the bits of bytes, and "net" gives
 * for each of C classes the mean of an image's channel, which is enough for a classifier.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int size; int data[]; } IntArray;
typedef struct { float scale; int32_t zero_point; } QuantizationParams;
typedef struct {
    int type;
    void *data;
    IntArray *dims;
    QuantizationParams params;
    int allocation_type;
    size_t bytes;
    const void *allocation;
    const char *name;
    void *delegate;
    int buffer_handle;
    bool data_is_stale, is_variable;
    struct { int type; void *params; } quantization;
    void *sparsity;
    const IntArray *dims_signature;
} Tensor;
typedef struct {
    IntArray *inputs, *outputs, *intermediates, *temporaries;
    void *user_data, *builtin_data;
    const void *custom_initial_data;
    int custom_initial_data_size;
    void *delegate;
    bool might_have_side_effect;
} Node;
typedef struct Context Context;
typedef struct {
    void *(*init)(Context *, const char *, size_t);
    void (*free)(Context *, void *);
    int (*prepare)(Context *, Node *);
    int (*invoke)(Context *, Node *);
    const char *(*profiling_string)(const Context *, const Node *);
    int32_t builtin_code;
    const char *custom_name;
    int version;
#ifndef RUNTIME_OF_2021
    void *registration_external, *async_kernel;
    uint64_t inplace_operator;
#endif
} Registration;
struct Context {
    size_t tensors_size;
    int (*GetExecutionPlan)(Context *, IntArray **);
    Tensor *tensors;
    void *impl;
    int (*ResizeTensor)(Context *, Tensor *, IntArray *);
    void (*ReportError)(Context *, const char *, ...);
    int (*AddTensors)(Context *, int, int *);
    int (*GetNodeAndRegistration)(Context *, int, Node **, Registration **);
    int (*ReplaceNodeSubsetsWithDelegateKernels)(Context *, Registration, const IntArray *, void *);
};
typedef struct Delegate {
    void *data;
    int (*Prepare)(Context *, struct Delegate *);
    void *copy_from, *copy_to, *free_handle;
    int64_t flags;
    void *opaque_builder;
} Delegate;
typedef struct { Delegate *delegate; IntArray *nodes_to_replace, *input_tensors, *output_tensors; } DelegateParams;

static int runs = 0;

static bool mode_is(const char *word) {
    const char *mode = getenv("STUB_MODE");
    return mode && !strncmp(mode, word, strlen(word));
}

static void *Init(Context *context, const char *buffer, size_t length) {
    const DelegateParams *params = (const DelegateParams *)buffer;
    Node *node;
    Registration *registration;
    (void)length;
    if (context->GetNodeAndRegistration(context, params->nodes_to_replace->data[0], &node, &registration)) return NULL;
    char *program = calloc(1, (size_t)node->custom_initial_data_size + 1);
    memcpy(program, node->custom_initial_data, (size_t)node->custom_initial_data_size);
    return program;
}

static void Free(Context *context, void *program) {
    (void)context;
    free(program);
}

static int PrepareNode(Context *context, Node *node) {
    (void)node;
    if (!mode_is("mismatch")) return 0;
    context->ReportError(context, "Failed to prepare for TPU. Invalid argument: unsupported runtime version");
    return 1;
}

static void Sum(const Tensor *a, const Tensor *b, Tensor *out) {
    for (size_t i = 0; i < out->bytes / sizeof(float); ++i)
        ((float *)out->data)[i] = ((float *)a->data)[i] + ((float *)b->data)[i];
}

static void Not(const Tensor *in, Tensor *out) {
    for (size_t i = 0; i < out->bytes; ++i) ((uint8_t *)out->data)[i] = (uint8_t)~((uint8_t *)in->data)[i];
}

/* The mean of each channel of an int8 image, rounded down. The classes are the channels. */
static void Means(const Tensor *in, Tensor *out) {
    size_t channels = out->bytes, pixels = in->bytes / channels;
    for (size_t c = 0; c < channels; ++c) {
        long sum = 0;
        for (size_t i = 0; i < pixels; ++i) sum += ((int8_t *)in->data)[i * channels + c] + 128;
        ((int8_t *)out->data)[c] = (int8_t)(sum / (long)pixels - 128);
    }
}

static bool count_of(const char *word) {
    size_t length = strlen(word);
    return mode_is(word) && runs >= atoi(getenv("STUB_MODE") + length);
}

static int Invoke(Context *context, Node *node) {
    const char *program = node->user_data;
    const Tensor *first = &context->tensors[node->inputs->data[0]];
    Tensor *out = &context->tensors[node->outputs->data[0]];
    if (count_of("abort=")) abort();
    if (count_of("lost=")) {
        context->ReportError(context, "Failed to execute request. USB transfer error 5 [LibUsbDataOutCallback]");
        return 1;
    }
    ++runs;
    if (!strcmp(program, "sum")) Sum(first, &context->tensors[node->inputs->data[1]], out);
    else if (!strcmp(program, "not")) Not(first, out);
    else if (!strcmp(program, "net")) Means(first, out);
    else return 1;
    return 0;
}

static int Prepare(Context *context, Delegate *delegate) {
    IntArray *plan, *claimed = calloc(1, 2 * sizeof(int));
    Registration kernel = {.init = Init, .free = Free, .prepare = PrepareNode, .invoke = Invoke, .version = 1};
    kernel.custom_name = "EdgeTpuDelegateForCustomOp";
    int status = context->GetExecutionPlan(context, &plan), count = status ? 0 : plan->size;
    int *nodes = calloc((size_t)count + 1, sizeof(int)); /* the plan changes with each node that is claimed */
    memcpy(nodes, plan->data, (size_t)count * sizeof(int));
    for (int i = 0; i < count && !status; ++i) {
        Node *node;
        Registration *registration;
        status = context->GetNodeAndRegistration(context, nodes[i], &node, &registration);
        if (status || !registration->custom_name || strcmp(registration->custom_name, "edgetpu-custom-op")) continue;
        claimed->size = 1;
        claimed->data[0] = nodes[i];
        status = context->ReplaceNodeSubsetsWithDelegateKernels(context, kernel, claimed, delegate);
    }
    free(nodes);
    free(claimed);
    return status;
}

static void record(char **keys, char **values, size_t count) {
    const char *path = getenv("STUB_RECORD");
    FILE *file = path ? fopen(path, "a") : NULL;
    if (!file) return;
    for (size_t i = 0; i < count; ++i) fprintf(file, "%s=%s\n", keys[i], values[i]);
    if (!count) fprintf(file, "no options\n");
    fclose(file);
}

#ifndef NOT_A_DELEGATE
Delegate *tflite_plugin_create_delegate(char **keys, char **values, size_t count, void (*report)(const char *)) {
    record(keys, values, count);
    if (mode_is("crash")) abort();
    if (mode_is("reason")) report("the stub has a reason");
    if (mode_is("refuse") || mode_is("reason")) return NULL;
    Delegate *delegate = calloc(1, sizeof(Delegate));
    delegate->Prepare = Prepare;
    delegate->flags = 1; /* dynamic tensors are allowed */
    return delegate;
}

void tflite_plugin_destroy_delegate(Delegate *delegate) { free(delegate); }

const char *edgetpu_version(void) { return "BuildLabel(COMPILER=stub,DATE=redacted), RuntimeVersion(14)"; }
#endif
