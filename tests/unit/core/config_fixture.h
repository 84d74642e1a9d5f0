/* A small program's settings, and the loading of them from a text, for the tests of config. Include after cmocka. */
#ifndef WEIR_TESTS_CONFIG_FIXTURE_H
#define WEIR_TESTS_CONFIG_FIXTURE_H

#include "core/config.h"
#include "core/config_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sample {
    int64_t http_port;
    int64_t http_threads;
    char *http_host;
    bool redis_strict;
    char *redis_stock;
    struct config_list mysql_shards;
    char *log_format;
    char *admin_token;
    int64_t worker_age_ms;
};

static const char *check_host(const char *text)
{
    return strchr(text, '/') ? "must be a host name or an address" : NULL;
}

static const struct setting sample_rows[] = {
    {.name = "http.port",
     .type = SETTING_INT,
     .offset = offsetof(struct sample, http_port),
     .fallback = "8081",
     .min = 1,
     .max = 65535,
     .help = "port of the HTTP listener"},
    {.name = "log.format",
     .type = SETTING_CHOICE,
     .offset = offsetof(struct sample, log_format),
     .fallback = "kv",
     .choices = "kv|json",
     .help = "form of log lines: a|b"},
    {.name = "http.threads",
     .type = SETTING_INT,
     .offset = offsetof(struct sample, http_threads),
     .fallback = "1",
     .min = 1,
     .max = 64,
     .help = "threads of the HTTP listener"},
    {.name = "http.host",
     .type = SETTING_TEXT,
     .offset = offsetof(struct sample, http_host),
     .fallback = "127.0.0.1",
     .min = 1,
     .help = "address to listen at",
     .check = check_host},
    {.name = "redis.strict",
     .type = SETTING_BOOL,
     .offset = offsetof(struct sample, redis_strict),
     .fallback = "true",
     .help = "whether"},
    {.name = "redis.stock",
     .type = SETTING_URL,
     .offset = offsetof(struct sample, redis_stock),
     .fallback = "redis://:first@127.0.0.1:6379/0",
     .min = 1,
     .help = "the stock's Redis"},
    {.name = "mysql.shards",
     .type = SETTING_URLS,
     .offset = offsetof(struct sample, mysql_shards),
     .fallback = NULL,
     .min = 1,
     .help = "shards, in order"},
    {.name = "admin.token",
     .type = SETTING_SECRET,
     .offset = offsetof(struct sample, admin_token),
     .fallback = "",
     .help = "bearer token"},
    {.name = "worker.batch_age_ms",
     .type = SETTING_INT,
     .offset = offsetof(struct sample, worker_age_ms),
     .fallback = "50",
     .min = 0,
     .max = INT64_MAX,
     .help = "age of a batch, ms"},
};
static const struct config_program sample_program = {
    .name = "weir-sample",
    .summary = "A sample.",
    .usage = "[word ...]",
    .rows = sample_rows,
    .row_count = sizeof sample_rows / sizeof *sample_rows,
};

#define SHARDS "mysql:\n  shards: [\"mysql://u:p@h/d\"]\n"

/* Writes `text` to a fresh file; the caller unlinks `ret_path`. */
static void write_file(const char *text, size_t len, char ret_path[32])
{
    (void)snprintf(ret_path, 32, "/tmp/weir_config_XXXXXX");
    int fd = mkstemp(ret_path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

#endif
