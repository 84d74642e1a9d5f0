/* Settings. The input is a YAML file, and after a NUL the flags, each ended by a NUL.
 *
 * Must hold: settings that are taken keep to their rows (range, choice, least length, count); printed they are a file
 * that is taken, and prints the same; no secret and no URL's password is in what is printed; settings that are refused
 * leave nothing behind, and are refused with a sentence of one line. */
#include "core/config_parts.h"
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FLAGS_MAX = 8, INT_MIN_VALUE = -5, INT_MAX_VALUE = 500, TEXT_BYTES_MIN = 2 };

struct values {
    int64_t number;
    bool word;
    char *text, *secret, *url, *choice;
    struct config_list urls;
};

#define ROW(field_, type_, ...)                                                                                        \
    {                                                                                                                  \
        .name = "part." #field_, .type = (type_), .offset = offsetof(struct values, field_), .help = "h", __VA_ARGS__  \
    }
static const struct setting rows[] = {
    ROW(number, SETTING_INT, .fallback = "7", .min = INT_MIN_VALUE, .max = INT_MAX_VALUE),
    ROW(word, SETTING_BOOL, .fallback = "false"),
    ROW(text, SETTING_TEXT, .fallback = "ab", .min = TEXT_BYTES_MIN),
    ROW(secret, SETTING_SECRET, .fallback = ""),
    ROW(url, SETTING_URL, .fallback = "a://b"),
    ROW(choice, SETTING_CHOICE, .fallback = "x", .choices = "x|yy|z"),
    ROW(urls, SETTING_URLS, .fallback = "a://b,c://d", .min = 1),
};
static const struct config_program program = {
    .name = "fuzz", .summary = "s", .usage = "", .rows = rows, .row_count = sizeof rows / sizeof *rows};

static void check_rows(const struct values *values)
{
    assert(values->number >= INT_MIN_VALUE && values->number <= INT_MAX_VALUE);
    assert(strlen(values->text) >= TEXT_BYTES_MIN && strlen(values->text) <= CONFIG_TEXT_BYTES_MAX);
    assert(strcmp(values->choice, "x") == 0 || strcmp(values->choice, "yy") == 0 || strcmp(values->choice, "z") == 0);
    assert(values->secret != NULL && values->url != NULL && values->urls.count >= 1);
}

/* Answers whether the settings were taken; prints them then. */
static bool load(const char *file, size_t len, char **flags, int count, struct buf *ret_shown)
{
    char name[64], program_name[] = "fuzz", *argv[FLAGS_MAX + 3] = {program_name, name};
    struct values values = {0};
    struct err err = {0};
    int fd = memfd_create("settings", MFD_CLOEXEC), rest = 0;
    assert(fd >= 0 && write(fd, file, len) == (ssize_t)len);
    snprintf(name, sizeof name, "--config=/proc/self/fd/%d", fd);
    for (int i = 0; i < count; i++)
        argv[2 + i] = flags[i];
    enum config_outcome outcome = config_load(&program, 2 + count, argv, &values, &rest, &err);
    (void)close(fd);
    if (outcome == CONFIG_RUN) {
        check_rows(&values);
        config_show_values(&program, &values, ret_shown);
    } else if (outcome == CONFIG_FAIL) {
        assert(err.kind == ERR_USAGE && err.text[0] != '\0' && strpbrk(err.text, "\r\n") == NULL);
    }
    config_free(&program, &values);
    assert(!values.text && !values.secret && !values.url && !values.choice && values.urls.count == 0);
    return outcome == CONFIG_RUN;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = fuzz_input(data, size);
    struct buf shown = {0}, again = {0};
    char *flags[FLAGS_MAX];
    int count = 0;
    size_t len;
    char *file = fuzz_text(&input, &len);
    while (count < FLAGS_MAX && fuzz_left(&input) > 0)
        flags[count++] = fuzz_text(&input, NULL);
    if (load(file, len, flags, count, &shown)) {
        assert(load(shown.data, shown.len, NULL, 0, &again));
        assert(shown.len == again.len && memcmp(shown.data, again.data, shown.len) == 0);
    }
    while (count > 0)
        free(flags[--count]);
    free(file);
    buf_free(&shown);
    buf_free(&again);
    return 0;
}
