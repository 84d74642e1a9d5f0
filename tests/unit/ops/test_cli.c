/* Options of a subcommand. */
#include "ops/cli/cli.h"
#include "ops/cli/init.h"
#include "ops/cli/progress_line.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct options {
    bool flag;
    int64_t number;
    const char *text;
};
static const struct cli_option rows[] = {
    {.name = "flag", .type = CLI_FLAG, .offset = offsetof(struct options, flag), .help = "a flag"},
    {.name = "number",
     .type = CLI_NUMBER,
     .offset = offsetof(struct options, number),
     .min = 2,
     .max = 9,
     .argument = "N",
     .help = "a number"},
    {.name = "text", .type = CLI_TEXT, .offset = offsetof(struct options, text), .argument = "TEXT", .help = "a text"},
};
static const struct cli_command command = {.name = "try",
                                           .usage = " [WORD]",
                                           .summary = "Tries.",
                                           .options = rows,
                                           .option_count = 3,
                                           .words_min = 0,
                                           .words_max = 1};

enum { ARGS_MAX = 8 };
static struct options options;
static char **words;
static size_t word_count;
static struct err err;

static enum cli_outcome parse(const char *first, const char *second, const char *third)
{
    static char *argv[ARGS_MAX];
    int argc = 0;
    const char *args[] = {"try", first, second, third};
    for (size_t i = 0; i < 4; i++)
        if (args[i])
            argv[argc++] = (char *)args[i];
    argv[argc] = NULL;
    options = (struct options){.number = 5};
    err = (struct err){0};
    return cli_options_parse(&command, argc, argv, &options, &words, &word_count, &err);
}

static void test_defaults_stay(void **state)
{
    (void)state;
    assert_int_equal(parse(NULL, NULL, NULL), CLI_RUN);
    assert_int_equal(options.number, 5);
    assert_false(options.flag);
    assert_int_equal(word_count, 0);
}

static void test_options_around_words(void **state)
{
    (void)state;
    assert_int_equal(parse("word", "--number=7", "--flag"), CLI_RUN);
    assert_int_equal(options.number, 7);
    assert_true(options.flag);
    assert_int_equal(word_count, 1);
    assert_string_equal(words[0], "word");
    assert_int_equal(parse("--text", "a b", NULL), CLI_RUN);
    assert_string_equal(options.text, "a b");
}

static void test_wrong_usage(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        {"--number=1"}, {"--number=10"}, {"--number=-3"}, {"--number=3x"}, {"--number", ""},
        {"--number"},   {"--bogus"},     {"--flag=yes"},  {"one", "two"},  {"--number=99999999999999999999"},
        {"-x"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(parse(wrong[i][0], wrong[i][1], wrong[i][2]), CLI_FAIL);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_true(err.text[0] != '\0');
    }
}

/* --y for --yes would do what nobody has written. */
static void test_a_beginning_is_no_option(void **state)
{
    (void)state;
    static const char *const cut[][2] = {{"--fla"}, {"--f"}, {"--num=7"}, {"--num", "7"}, {"--tex=--text"}, {"--he"}};
    for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
        assert_int_equal(parse(cut[i][0], cut[i][1], NULL), CLI_FAIL);
        assert_int_equal(err.kind, ERR_USAGE);
        assert_non_null(strstr(err.text, "in full, here --"));
        assert_true(!options.flag && !options.text && options.number == 5);
    }
    assert_int_equal(parse("--text", "--flag", "--number=7"), CLI_RUN);
    assert_string_equal(options.text, "--flag");
    assert_int_equal(parse("--text=--text", "word", "--flag"), CLI_RUN);
    assert_true(options.flag);
}

static void test_help_has_each_row(void **state)
{
    (void)state;
    struct buf text = {0};
    cli_append_help(&command, &text);
    assert_non_null(strstr(text.data, "weir [settings] try [options] [WORD]"));
    assert_non_null(strstr(text.data, "--number N"));
    assert_non_null(strstr(text.data, "--flag "));
    buf_free(&text);
}

static void test_number_text(void **state)
{
    (void)state;
    uint64_t number = 7;
    assert_true(cli_parse_u64("9223372036854775807", &number));
    assert_int_equal(number, INT64_MAX);
    assert_false(cli_parse_u64("9223372036854775808", &number));
    assert_false(cli_parse_u64("", &number));
    assert_false(cli_parse_u64(" 1", &number));
    assert_int_equal(number, INT64_MAX);
}

/* Where a missing progress row begins. */
static void test_begin_offset(void **state)
{
    (void)state;
    int64_t offset = -1;
    assert_true(init_begin_offset(INIT_BEGIN_ZERO, 0, 50, &offset, &err));
    assert_int_equal(offset, 0);
    assert_false(init_begin_offset(INIT_BEGIN_ZERO, 10, 50, &offset, &err));
    assert_int_equal(err.kind, ERR_CONFLICT);
    assert_int_equal(offset, 0);
    assert_true(init_begin_offset(INIT_BEGIN_LOW, 10, 50, &offset, &err));
    assert_int_equal(offset, 10);
    assert_true(init_begin_offset(INIT_BEGIN_HIGH, 10, 50, &offset, &err));
    assert_int_equal(offset, 50);
}

static void test_progress_line(void **state)
{
    (void)state;
    struct buf text = {0};
    progress_line_format("users", 25, 100, 1000, &text);
    assert_non_null(strstr(text.data, " 25 %"));
    assert_non_null(strstr(text.data, "25/100"));
    assert_non_null(strstr(text.data, "eta 3 s"));
    buf_reset(&text);
    progress_line_format("users", 100, 100, 1000, &text);
    assert_null(strstr(text.data, "eta"));
    assert_null(strchr(text.data, '.'));
    buf_reset(&text);
    progress_line_format("none", 0, 0, 0, &text);
    assert_non_null(strstr(text.data, "100 %"));
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_stay), cmocka_unit_test(test_options_around_words),
        cmocka_unit_test(test_wrong_usage),   cmocka_unit_test(test_help_has_each_row),
        cmocka_unit_test(test_number_text),   cmocka_unit_test(test_begin_offset),
        cmocka_unit_test(test_progress_line), cmocka_unit_test(test_a_beginning_is_no_option),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
