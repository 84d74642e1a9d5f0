/* The command line of weir-storm: one table of rows, from which parsing, limits and --help come. */
#ifndef WEIR_BENCH_STORM_OPTIONS_H
#define WEIR_BENCH_STORM_OPTIONS_H

#include "bench/storm/client.h"
#include "core/buf.h"

#define OPTIONS_CONNECTIONS_MAX 4096u

/* Texts are borrowed from argv. After options_parse() everything is decided and within its bounds. */
struct options {
    const char *url;
    const char *json_path;    /* NULL: none */
    const char *history_path; /* NULL: none */
    struct target target;
    enum scenario scenario;
    uint64_t rate;    /* requests/s; 0 in a burst */
    uint64_t seconds; /* 0 when the count was given */
    uint64_t count;   /* requests of the whole run */
    uint64_t connections;
    uint64_t users;
    uint64_t user_first;
    uint64_t clicks;
    uint64_t coupon; /* 0: drawn */
    uint64_t room;   /* 0: drawn */
    uint64_t seed;   /* 0: the caller draws one */
    uint64_t timeout_ms;
    uint64_t drain_ms;
    bool burst;
    bool try_keys;
    bool quiet;
    bool help;    /* asked for: nothing else was checked */
    bool version; /* the same */
};

/* ERR_USAGE with the option's name when something is wrong. Not thread safe (getopt). */
bool options_parse(int argc, char **argv, struct options *ret_options, struct err *err) WEIR_MUST_USE;

/* Appends the text of --help. */
void options_help(struct buf *out);

#endif
