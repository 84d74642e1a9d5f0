/* The background thread that reads the catalog for the loops: the copy of the coupons, spans of ids, and whether the
 * topic has as many partitions as the catalog says. A copy goes out as soon as it is read; the broker is asked after
 * that, seldom and with a short deadline, so that a slow one makes no copy old. One SQL connection and one Kafka admin
 * connection of its own; while either is away it tries again each `read_ms`. A row of coupons that is none is left out
 * (coupon_rows.h). The service parts "catalog" (never read, or it disagrees with the
 * broker) and "ids" (a loop without a span) say why the service is not ready. */
#ifndef WEIR_INGEST_CATALOG_READER_H
#define WEIR_INGEST_CATALOG_READER_H

#include "ingest/catalog_copy.h"
#include "protocol/ids.h"

struct catalog_reader;

struct catalog_reader_options {
    const char *catalog_url;
    const char *brokers;
    const char *topic;
    int64_t mysql_ms; /* deadline of a statement */
    int64_t read_ms;  /* from the begin of one read to the next */
    int64_t span_ms;  /* id time leased at once */
    int loops;
    /* All on the reader's thread. The copy is borrowed: take a reference to keep it. */
    void (*on_copy)(struct catalog_copy *copy, void *arg);
    bool (*span_wanted)(int loop, void *arg);
    void (*on_span)(int loop, const struct id_span *span, void *arg);
    void *arg;
};

/* Starts the thread; the texts of `options` are borrowed until the stop. */
WEIR_MUST_USE bool catalog_reader_start(const struct catalog_reader_options *options,
                                        struct catalog_reader **ret_reader, struct err *err);
void catalog_reader_stop(struct catalog_reader *reader); /* joins; NULL is fine */

#endif
