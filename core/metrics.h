/* Counters, gauges and histograms, rendered as Prometheus text 0.0.4 (seconds and bytes, no ids in labels).
 *
 * Metrics are declared before threads start; each writing thread then has cells of its own, which it alone writes
 * (relaxed), and the reader adds up. A metric of a family with labels is one declaration a label set: `labels` is the
 * finished text `reason="out_of_stock"`, or NULL.
 *
 *     static struct metric *accepted;
 *     accepted = metric_counter("weir_requests_total", "Requests answered.", "outcome=\"success\"");
 *     metric_add(accepted, 1);
 */
#ifndef WEIR_CORE_METRICS_H
#define WEIR_CORE_METRICS_H

#include "core/buf.h"
#include <stdint.h>

/* Bounds of one process. Passing one is a fault of the program and ends it with a sentence. A counter takes one cell, a
 * histogram 17. */
enum { METRICS_MAX = 512, METRICS_CELLS_MAX = 8192 };

struct metric; /* lives as long as the process */

/* Declarations: same name and labels give the same metric. Any thread, under a lock of their own; not for hot paths.
 * `labels` is copied. */
struct metric *metric_counter(const char *name, const char *help, const char *labels);
struct metric *metric_gauge(const char *name, const char *help, const char *labels);
/* A histogram of durations, given in us, shown in seconds with fixed buckets 0.0005 .. 10 s. */
struct metric *metric_histogram(const char *name, const char *help, const char *labels);

void metric_add(struct metric *counter,
                uint64_t n); /* any thread, its own cell; wait-free but for a thread's first call */
void metric_set(struct metric *gauge, double value); /* any thread, last write wins */
void metric_observe_us(struct metric *histogram, uint64_t us);
/* Sum over threads of a counter, count of a histogram, or a gauge's value cut to a whole number (0 when negative).
 * Takes the lock. */
uint64_t metric_read(const struct metric *metric);

/* Called at each render, before the text is made: for gauges that are read on demand. At most METRICS_HOOKS_MAX. */
enum { METRICS_HOOKS_MAX = 16 };
void metrics_on_render(void (*fn)(void *arg), void *arg);
/* Appends the whole page. Any thread, one at a time waits for the other. Hooks may set gauges and declare metrics, not
 * render. */
void metrics_render(struct buf *ret_text);

#endif
