/* Metrics: a registry of families and, for each writing thread, a block of cells that it alone writes.
 *
 *     declare -> a metric owns cells [first, first + n) of every block
 *     add     -> own block, relaxed load and store, no lock and no locked instruction
 *     render  -> under the lock: for each cell, the sum over all live blocks and the one of ended threads
 *
 * Not here: quantiles, exemplars, labels made at run time (they would grow without a bound). Format: Prometheus text
 * exposition 0.0.4. */
#include "core/metrics.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

/* Upper bounds in us, and as the text of the `le` label in seconds; what is longer counts under +Inf alone. */
static const struct {
    uint64_t us;
    const char *le;
} bounds[] = {
    {500, "0.0005"},  {1000, "0.001"},  {2500, "0.0025"}, {5000, "0.005"},  {10000, "0.01"},
    {25000, "0.025"}, {50000, "0.05"},  {100000, "0.1"},  {250000, "0.25"}, {500000, "0.5"},
    {1000000, "1"},   {2500000, "2.5"}, {5000000, "5"},   {10000000, "10"},
};
enum {
    BOUNDS = sizeof bounds / sizeof *bounds,
    CELL_SUM_US = BOUNDS + 1, /* after a cell for each bound and one for +Inf */
    CELL_COUNT,
    HISTOGRAM_CELLS,
};

struct metric {
    enum metric_type type;
    const char *name, *help; /* borrowed: the program's own words */
    char *labels;            /* owned, or NULL */
    size_t first;            /* its first cell */
    _Atomic uint64_t gauge;  /* the bits of a double */
};

struct block {
    struct block *next;
    _Atomic uint64_t cell[METRICS_CELLS_MAX];
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t render_lock = PTHREAD_MUTEX_INITIALIZER; /* taken before `lock`; hooks run under it alone */
static struct metric registry[METRICS_MAX];
static size_t registry_count, cells_used;
static struct block *blocks;              /* of live threads */
static uint64_t ended[METRICS_CELLS_MAX]; /* sums of the threads that ended */
static struct {
    void (*fn)(void *arg);
    void *arg;
} hooks[METRICS_HOOKS_MAX];
static size_t hook_count;

static _Thread_local struct block *own_block;
static pthread_key_t own_key;
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

static _Noreturn void broken_program(const char *what, const char *name)
{
    fprintf(stderr, "metrics: %s (%s); this is a fault of the program\n", what, name);
    abort();
}

/* At a thread's end: its sums stay, its block goes. */
static void block_retire(void *arg)
{
    struct block *mine = arg;
    pthread_mutex_lock(&lock);
    for (struct block **at = &blocks; *at; at = &(*at)->next) {
        if (*at != mine)
            continue;
        *at = mine->next;
        break;
    }
    for (size_t at = 0; at < cells_used; at++)
        ended[at] += atomic_load_explicit(&mine->cell[at], memory_order_relaxed);
    pthread_mutex_unlock(&lock);
    own_block = NULL;
    free(mine);
}

static void own_key_make(void)
{
    if (pthread_key_create(&own_key, block_retire) != 0)
        broken_program("no thread key is left", "pthread_key_create");
}

static __attribute__((noinline)) struct block *block_make(void)
{
    pthread_once(&own_once, own_key_make);
    struct block *made = mem_alloc(sizeof *made);
    if (pthread_setspecific(own_key, made) != 0)
        broken_program("a thread key cannot be set", "pthread_setspecific");
    pthread_mutex_lock(&lock);
    made->next = blocks;
    blocks = made;
    pthread_mutex_unlock(&lock);
    own_block = made;
    return made;
}

static void cell_add(size_t at, uint64_t n)
{
    struct block *mine = own_block ? own_block : block_make();
    uint64_t old = atomic_load_explicit(&mine->cell[at], memory_order_relaxed);
    atomic_store_explicit(&mine->cell[at], old + n, memory_order_relaxed);
}

/* Lock held. */
static uint64_t cell_sum(size_t at)
{
    uint64_t sum = ended[at];
    for (const struct block *block = blocks; block; block = block->next)
        sum += atomic_load_explicit(&block->cell[at], memory_order_relaxed);
    return sum;
}

static bool name_is_right(const char *name)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:";
    if (!*name || !strchr(letters, *name))
        return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_:0123456789")] == '\0';
}

static bool labels_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Lock held. */
static struct metric *metric_find(enum metric_type type, const char *name, const char *labels)
{
    for (size_t at = 0; at < registry_count; at++) {
        if (strcmp(registry[at].name, name) != 0)
            continue;
        if (registry[at].type != type)
            broken_program("one name is declared as two types", name);
        if (labels_equal(registry[at].labels, labels))
            return &registry[at];
    }
    return NULL;
}

static struct metric *declare(enum metric_type type, const char *name, const char *help, const char *labels)
{
    static const size_t cells[] = {[METRIC_COUNTER] = 1, [METRIC_GAUGE] = 0, [METRIC_HISTOGRAM] = HISTOGRAM_CELLS};
    if (!name_is_right(name))
        broken_program("a name must be of letters, digits, _ and :", name);
    if (labels && !*labels)
        labels = NULL;
    pthread_mutex_lock(&lock);
    struct metric *metric = metric_find(type, name, labels);
    if (!metric) {
        if (registry_count == METRICS_MAX || cells_used + cells[type] > METRICS_CELLS_MAX)
            broken_program("more metrics are declared than METRICS_MAX or METRICS_CELLS_MAX allow", name);
        metric = &registry[registry_count++];
        metric->type = type;
        metric->name = name;
        metric->help = help;
        metric->labels = labels ? mem_copy_str(labels) : NULL;
        metric->first = cells_used;
        cells_used += cells[type];
    }
    pthread_mutex_unlock(&lock);
    return metric;
}

struct metric *metric_counter(const char *name, const char *help, const char *labels)
{
    return declare(METRIC_COUNTER, name, help, labels);
}

struct metric *metric_gauge(const char *name, const char *help, const char *labels)
{
    return declare(METRIC_GAUGE, name, help, labels);
}

struct metric *metric_histogram(const char *name, const char *help, const char *labels)
{
    return declare(METRIC_HISTOGRAM, name, help, labels);
}

void metric_add(struct metric *counter, uint64_t n)
{
    assert(counter->type == METRIC_COUNTER);
    cell_add(counter->first, n);
}

void metric_set(struct metric *gauge, double value)
{
    assert(gauge->type == METRIC_GAUGE);
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    atomic_store_explicit(&gauge->gauge, bits, memory_order_relaxed);
}

static double gauge_value(const struct metric *gauge)
{
    uint64_t bits = atomic_load_explicit(&gauge->gauge, memory_order_relaxed);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

void metric_observe_us(struct metric *histogram, uint64_t us)
{
    assert(histogram->type == METRIC_HISTOGRAM);
    size_t at = 0;
    while (at < BOUNDS && us > bounds[at].us)
        at++;
    cell_add(histogram->first + at, 1);
    cell_add(histogram->first + CELL_SUM_US, us);
    cell_add(histogram->first + CELL_COUNT, 1);
}

uint64_t metric_read(const struct metric *metric)
{
    if (metric->type == METRIC_GAUGE) {
        double value = gauge_value(metric);
        return value > 0 && value < 0x1p64 ? (uint64_t)value : 0;
    }
    pthread_mutex_lock(&lock);
    uint64_t sum = cell_sum(metric->first + (metric->type == METRIC_HISTOGRAM ? CELL_COUNT : 0));
    pthread_mutex_unlock(&lock);
    return sum;
}

void metrics_on_render(void (*fn)(void *arg), void *arg)
{
    pthread_mutex_lock(&lock);
    if (hook_count == METRICS_HOOKS_MAX)
        broken_program("more hooks than METRICS_HOOKS_MAX", "metrics_on_render");
    hooks[hook_count].fn = fn;
    hooks[hook_count].arg = arg;
    hook_count++;
    pthread_mutex_unlock(&lock);
}

/* The shortest text that reads back as the same double. */
static void append_double(struct buf *text, double value)
{
    if (isnan(value) || isinf(value)) {
        buf_append_str(text, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    char digits[32];
    for (int precision = 15; precision <= 17; precision++) {
        (void)snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value)
            break;
    }
    buf_append_str(text, digits);
}

/* `name suffix{labels,le="..."} ` with only what is there. */
static void append_name(struct buf *text, const struct metric *metric, const char *suffix, const char *le)
{
    buf_append_str(text, metric->name);
    buf_append_str(text, suffix);
    if (metric->labels || le) {
        buf_append_char(text, '{');
        buf_append_str(text, metric->labels ? metric->labels : "");
        if (le)
            buf_printf(text, "%sle=\"%s\"", metric->labels ? "," : "", le);
        buf_append_char(text, '}');
    }
    buf_append_char(text, ' ');
}

static void append_histogram(struct buf *text, const struct metric *metric)
{
    uint64_t count = 0;
    for (size_t at = 0; at <= BOUNDS; at++) {
        count += cell_sum(metric->first + at);
        append_name(text, metric, "_bucket", at < BOUNDS ? bounds[at].le : "+Inf");
        buf_printf(text, "%" PRIu64 "\n", count);
    }
    uint64_t sum_us = cell_sum(metric->first + CELL_SUM_US);
    append_name(text, metric, "_sum", NULL);
    buf_printf(text, "%" PRIu64 ".%06" PRIu64 "\n", sum_us / 1000000, sum_us % 1000000);
    append_name(text, metric, "_count", NULL); /* of the buckets, so that it equals +Inf while threads are writing */
    buf_printf(text, "%" PRIu64 "\n", count);
}

static void append_metric(struct buf *text, const struct metric *metric)
{
    if (metric->type == METRIC_HISTOGRAM) {
        append_histogram(text, metric);
        return;
    }
    append_name(text, metric, "", NULL);
    if (metric->type == METRIC_COUNTER)
        buf_append_u64(text, cell_sum(metric->first));
    else
        append_double(text, gauge_value(metric));
    buf_append_char(text, '\n');
}

static void append_family_head(struct buf *text, const struct metric *metric)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    buf_printf(text, "# HELP %s ", metric->name);
    for (const char *c = metric->help; *c; c++) {
        if (*c == '\\' || *c == '\n')
            buf_append_char(text, '\\');
        buf_append_char(text, *c == '\n' ? 'n' : *c);
    }
    buf_printf(text, "\n# TYPE %s %s\n", metric->name, types[metric->type]);
}

/* The family that begins at `first` in order of declaration; its members may stand anywhere behind. */
static void append_family(struct buf *text, size_t first)
{
    for (size_t at = 0; at < first; at++)
        if (strcmp(registry[at].name, registry[first].name) == 0)
            return; /* shown already */
    append_family_head(text, &registry[first]);
    for (size_t at = first; at < registry_count; at++)
        if (strcmp(registry[at].name, registry[first].name) == 0)
            append_metric(text, &registry[at]);
}

void metrics_render(struct buf *ret_text)
{
    pthread_mutex_lock(&render_lock);
    pthread_mutex_lock(&lock);
    size_t count = hook_count;
    pthread_mutex_unlock(&lock);
    for (size_t at = 0; at < count; at++) /* without the lock: they declare and set */
        hooks[at].fn(hooks[at].arg);
    pthread_mutex_lock(&lock);
    for (size_t first = 0; first < registry_count; first++)
        append_family(ret_text, first);
    pthread_mutex_unlock(&lock);
    pthread_mutex_unlock(&render_lock);
}
