/* Lines are escaped right in both formats, whatever is in a value, and a busy call site is held back. */
#include "core/log.h"
#include "core/stderr.h"
#include "tests/unit/core/log_fixture.h"

#include <jansson.h>
#include <pthread.h>
#include <string.h>

/* What has been written since catch_begin; the caller frees it. */
static char *caught_text(void)
{
    off_t len = lseek(fileno(caught), 0, SEEK_END);
    char *text = calloc(1, (size_t)len + 1);
    assert_int_equal(pread(fileno(caught), text, (size_t)len, 0), len);
    return text;
}

/* The one line that was caught, from " level=" on (before it is the time). */
static void line_ends_with(const char *want)
{
    char *text = caught_text();
    assert_int_equal(strncmp(text, "time=20", 7), 0);
    assert_non_null(strstr(text, " level="));
    assert_string_equal(strstr(text, " level="), want);
    free(text);
}

static void kv_values_stand_bare_when_they_can(void **state)
{
    (void)state;
    open_as("info", "kv");
    log_info("started", LOG_STR("host", "127.0.0.1:9092"), LOG_INT("port", 8081), LOG_INT("low", INT64_MIN));
    line_ends_with(
        " level=info service=weir-test message=started host=127.0.0.1:9092 port=8081 low=-9223372036854775808\n");
}

static void kv_values_are_quoted_when_they_must(void **state)
{
    (void)state;
    open_as("info", "kv");
    log_warn("two words", LOG_STR("a", "x y"), LOG_STR("b", "say \"hi\""), LOG_STR("c", ""), LOG_STR("d", "k=v"),
             LOG_STR("e", "line\nlevel=error"), LOG_STR("f", "\x1b[31m"), LOG_STR("g", "\xFF"),
             LOG_STR("h", "back\\slash"));
    line_ends_with(
        " level=warn service=weir-test message=\"two words\" a=\"x y\" b=\"say \\\"hi\\\"\" c=\"\" d=\"k=v\" "
        "e=\"line\\nlevel=error\" f=\"\\u001b[31m\" g=\"\xEF\xBF\xBD\" h=\"back\\\\slash\"\n");
}

static void a_missing_text_is_not_a_number(void **state)
{
    (void)state;
    open_as("info", "kv");
    const char *none = NULL;
    log_error("x", LOG_STR("shard", none));
    line_ends_with(" level=error service=weir-test message=x shard=(none)\n");
}

static void json_lines_read_back(void **state)
{
    (void)state;
    open_as("info", "json");
    struct err err = {0};
    err_set(&err, ERR_OUTAGE, "shard \"2\" is away");
    log_error("went\twrong", LOG_ERR(&err), LOG_INT("lag", -3), LOG_STR("raw", "\x01\xC3(\xE2\x82\xAC"));
    char *text = caught_text();
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "error");
    assert_string_equal(json_string_value(json_object_get(line, "service")), "weir-test");
    assert_string_equal(json_string_value(json_object_get(line, "message")), "went\twrong");
    assert_string_equal(json_string_value(json_object_get(line, "error")), "shard \"2\" is away");
    assert_int_equal(json_integer_value(json_object_get(line, "lag")), -3);
    assert_string_equal(json_string_value(json_object_get(line, "raw")), "\x01\xEF\xBF\xBD(\xE2\x82\xAC");
    assert_int_equal(strlen(json_string_value(json_object_get(line, "time"))), 24);
    json_decref(line);
    free(text);
}

static void levels_below_are_not_written(void **state)
{
    (void)state;
    open_as("warn", "kv");
    log_debug("no");
    log_info("no");
    char *text = caught_text();
    assert_string_equal(text, "");
    free(text);
    log_warn("yes");
    line_ends_with(" level=warn service=weir-test message=yes\n");
}

static void wrong_settings_are_refused(void **state)
{
    (void)state;
    struct err err = {0};
    assert_false(log_open("x", "loud", "kv", &err));
    assert_int_equal(err.kind, ERR_USAGE);
    assert_string_equal(err.text, "log.level must be debug, info, warn or error");
    assert_false(log_open("x", "info", "xml", &err));
    assert_string_equal(err.text, "log.format must be kv or json");
}

static size_t lines_in(const char *text)
{
    size_t lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void a_busy_site_is_held_back_and_says_so(void **state)
{
    (void)state;
    open_as("info", "kv");
    struct log_site site = {0};
    for (int i = 0; i < 500; i++)
        log_write(&site, LOG_LEVEL_INFO, "busy", NULL, 0);
    char *text = caught_text();
    size_t lines = lines_in(text);
    assert_in_range(lines, LOG_SITE_LINES_MAX, 3 * LOG_SITE_LINES_MAX); /* a second may have turned meanwhile */
    free(text);
    uint32_t left_out = site.left_out;
    assert_true(left_out > 0);
    site.second--; /* the silence */
    log_write(&site, LOG_LEVEL_INFO, "again", NULL, 0);
    text = caught_text();
    char want[80];
    (void)snprintf(want, sizeof want, " message=again left_out=%u\n", left_out);
    assert_string_equal(text + strlen(text) - strlen(want), want);
    assert_int_equal(site.left_out, 0);
    free(text);
}

static void long_values_are_cut(void **state)
{
    (void)state;
    open_as("info", "json");
    char *big = calloc(1, 5001);
    big[0] = 'x';
    for (size_t at = 1; at + 2 <= 5000; at += 2)
        memcpy(big + at, "\xC3\xA9", 2);
    log_info("m", LOG_STR("big", big));
    char *text = caught_text();
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    const char *shown = json_string_value(json_object_get(line, "big"));
    size_t len = strlen(shown);
    assert_in_range(len, LOG_TEXT_BYTES_MAX - 3, LOG_TEXT_BYTES_MAX + 3);
    assert_string_equal(shown + len - 5, "\xC3\xA9...");
    json_decref(line);
    free(text);
    free(big);
}

static void *write_many(void *arg)
{
    struct log_site sites[50] = {0};
    for (size_t i = 0; i < 50; i++)
        log_write(&sites[i], LOG_LEVEL_INFO, arg, &LOG_INT("line", i), 1);
    return NULL;
}

static void threads_do_not_mix_lines(void **state)
{
    (void)state;
    open_as("info", "json");
    pthread_t threads[4];
    char name[] = "from a thread";
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, name), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    char *text = caught_text();
    assert_int_equal(lines_in(text), 200);
    char *rest = text;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        json_t *read = json_loads(line, 0, NULL);
        assert_non_null(read);
        json_decref(read);
    }
    free(text);
}

static void a_line_fits_into_a_pipe(void **state)
{
    (void)state;
    open_as("info", "json");
    char big[1500] = {0};
    memset(big, '\1', sizeof big - 1); /* six bytes each, once escaped */
    log_info("m", LOG_STR("a", big), LOG_STR("b", big), LOG_STR("c", big));
    char *text = caught_text();
    assert_in_range(strlen(text), 1000, STDERR_LINE_BYTES_MAX);
    json_t *line = json_loads(text, 0, NULL);
    assert_non_null(line);
    assert_non_null(strstr(json_string_value(json_object_get(line, "c")), "..."));
    json_decref(line);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CAUGHT(kv_values_stand_bare_when_they_can),
        CAUGHT(kv_values_are_quoted_when_they_must),
        CAUGHT(a_missing_text_is_not_a_number),
        CAUGHT(json_lines_read_back),
        CAUGHT(levels_below_are_not_written),
        CAUGHT(wrong_settings_are_refused),
        CAUGHT(a_busy_site_is_held_back_and_says_so),
        CAUGHT(long_values_are_cut),
        CAUGHT(threads_do_not_mix_lines),
        CAUGHT(a_line_fits_into_a_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
