/* Redis without a server: URLs, script names, INFO, the wire form, reply accessors, and how a connection behaves whose
 * other end we play ourselves. */
#include "core/redis.h"
#include "core/redis_reply.h"
#include "core/redis_url.h"
#include "core/sha1.h"
#include <arpa/inet.h>
#include <hiredis.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void test_sha1(void **state)
{
    (void)state;
    char hex[41];
    sha1_hex("abc", 3, hex); /* RFC 3174, 7.3 */
    assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
    sha1_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, hex);
    assert_string_equal(hex, "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    sha1_hex("", 0, hex);
    assert_string_equal(hex, "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    struct redis_script script = {.name = "one", .text = "return 1"};
    redis_script_init(&script);
    assert_string_equal(script.sha, "e0e1f9fabfc9d4800c877a703b823ac0578ff8db"); /* as SCRIPT LOAD answers */
}

static void test_url(void **state)
{
    (void)state;
    struct redis_url url;
    struct err err;
    assert_true(redis_url_parse("redis://user:p%40%2Fss@10.0.0.1:7000/3", &url, &err));
    assert_string_equal(url.host, "10.0.0.1");
    assert_string_equal(url.user, "user");
    assert_string_equal(url.password, "p@/ss");
    assert_int_equal(url.port, 7000);
    assert_int_equal(url.db, 3);
    assert_true(redis_url_parse("redis://[::1]:7000", &url, &err));
    assert_string_equal(url.host, "::1");
    char escaped[512] = "redis://"; /* what counts is the length of what is decoded */
    for (int i = 0; i < 100; i++)
        strcat(escaped, "%41");
    assert_true(redis_url_parse(strcat(escaped, "@host"), &url, &err));
    assert_int_equal(strlen(url.user), 100);
    assert_true(redis_url_parse("redis://host", &url, &err));
    assert_int_equal(url.port, 6379);
    const char *const wrong[] = {"http://h",       "redis://",         "redis://h:0x/0", "redis://h:99999",
                                 "redis://h/x",    "redis://:%zz@h/0", "redis://h?a=b",  "redis://:secret@h:p",
                                 "redis://:a%00@h"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_false(redis_url_parse(wrong[i], &url, &err));
        assert_int_equal(err.kind, ERR_USAGE);
        assert_null(strstr(err.text, "secret"));
    }
}

static void test_info(void **state)
{
    (void)state;
    static const char info[] =
        "# Server\r\nnot_run_id:1\r\nrun_id:0123456789012345678901234567890123456789\r\nshort_id:12\r\n";
    char id[REDIS_ID_BYTES + 1] = "";
    assert_true(redis_info_find(info, "run_id", id));
    assert_string_equal(id, "0123456789012345678901234567890123456789");
    assert_false(redis_info_find(info, "short_id", id));
    assert_false(redis_info_find(info, "master_replid", id));
    assert_false(redis_info_find("", "run_id", id));
}

static const struct redis_reply *face(const redisReply *reply)
{
    return (const struct redis_reply *)(const void *)reply;
}

static void test_replies(void **state)
{
    (void)state;
    redisReply number = {.type = REDIS_REPLY_INTEGER, .integer = -7};
    redisReply text = {.type = REDIS_REPLY_STRING, .str = "42", .len = 2};
    redisReply word = {.type = REDIS_REPLY_STRING, .str = "42x", .len = 3};
    redisReply *items[] = {&number, &text};
    redisReply list = {.type = REDIS_REPLY_ARRAY, .elements = 2, .element = items};
    redisReply loading = {.type = REDIS_REPLY_ERROR, .str = "LOADING Redis is loading", .len = 24};
    redisReply wrong = {.type = REDIS_REPLY_ERROR, .str = "ERR", .len = 3};
    assert_int_equal(redis_reply_int(face(&number)), -7);
    assert_int_equal(redis_reply_int(face(&text)), 42);
    assert_int_equal(redis_reply_int(face(&word)), 0);
    assert_int_equal(redis_reply_count(face(&list)), 2);
    assert_int_equal(redis_reply_int(redis_reply_at(face(&list), 1)), 42);
    assert_int_equal(redis_reply_type(redis_reply_at(face(&list), 2)), REDIS_NIL);
    assert_int_equal(redis_reply_count(face(&text)), 0);
    size_t len = 9;
    assert_string_equal(redis_reply_text(face(&number), &len), "");
    assert_int_equal(len, 0);
    assert_true(redis_error_ends(face(&loading)));
    assert_false(redis_error_ends(face(&wrong)));
}

/* ---- a connection to a server of our own ---- */

#define ID "0123456789012345678901234567890123456789"

struct play {
    struct loop *loop;
    struct redis *redis;
    int listen_fd, fd;
    struct loop_fd *accept, *watch;
    struct loop_timer *stop;
    bool mute; /* answer commands after the handshake no more */
    int nulls, answers;
    int ups, downs;
    int errors;
    char seen[256];
};
static struct play play;

static struct redis_script script = {.name = "five", .text = "return 5"};
static struct redis_script *const loaded[] = {&script};
static size_t loaded_count;

static void say(const char *text)
{
    assert_int_equal(write(play.fd, text, strlen(text)), (ssize_t)strlen(text));
}

static void say_info(const char *field)
{
    char info[128], text[160];
    int len = snprintf(info, sizeof info, "%s:%s\r\n", field, ID);
    snprintf(text, sizeof text, "$%d\r\n%s\r\n", len, info);
    say(text);
}

/* The client's commands come whole and few; that is enough for a test. */
static void on_command(void *arg)
{
    (void)arg;
    char text[4096];
    ssize_t got = read(play.fd, text, sizeof text - 1);
    if (got <= 0) {
        loop_fd_read(play.watch, false);
        return;
    }
    text[got] = '\0';
    if (strstr(text, "server\r\n") != NULL)
        say_info("run_id");
    if (strstr(text, "replication\r\n") != NULL)
        say_info("master_replid");
    if (strstr(text, "LOAD\r\n") != NULL)
        say("$40\r\n" ID "\r\n"); /* as if it were the answer to something else */
    if (play.mute)
        return;
    if (strstr(text, "EVALSHA\r\n") != NULL) {
        say("-NOSCRIPT No matching script.\r\n");
        strcat(play.seen, "sha ");
    } else if (strstr(text, "EVAL\r\n") != NULL) {
        say(":5\r\n");
        strcat(play.seen, "text ");
    } else if (strstr(text, "GET\r\n") != NULL) {
        say("$1\r\nv\r\n");
    } else if (strstr(text, "SET\r\n") != NULL) {
        say("-READONLY You can't write\r\n");
    }
}

static void on_client(void *arg)
{
    (void)arg;
    int fd = accept(play.listen_fd, NULL, NULL);
    loop_fd_free(play.watch);
    if (play.fd >= 0)
        close(play.fd);
    play.fd = fd;
    play.watch = loop_fd_new(play.loop, fd, on_command, NULL);
    loop_fd_read(play.watch, true);
}

static void on_stop(void *arg)
{
    (void)arg;
    loop_stop(play.loop);
}

static void on_reply(const struct redis_reply *reply, void *arg)
{
    (void)arg;
    play.nulls += reply == NULL;
    play.answers += reply != NULL;
    play.errors += reply != NULL && redis_reply_type(reply) == REDIS_ERROR;
    if (play.nulls > 0)
        assert_false(redis_up(play.redis));
}

static void on_final(const struct redis_reply *reply, void *arg)
{
    on_reply(reply, arg);
    if (reply != NULL && redis_reply_type(reply) == REDIS_INTEGER)
        assert_int_equal(redis_reply_int(reply), 5);
    loop_stop(play.loop);
}

static void (*when_up)(void);
static void on_state(struct redis *redis, bool up, const char *why, void *arg)
{
    (void)arg;
    (void)why;
    play.ups += up;
    play.downs += !up;
    if (up)
        assert_string_equal(redis_run_id(redis), ID);
    if (up && when_up != NULL)
        when_up();
    if (!up)
        loop_stop(play.loop);
}

static int play_begin(void **state)
{
    (void)state;
    play = (struct play){.loop = loop_new(), .fd = -1};
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    play.listen_fd = socket(AF_INET, SOCK_STREAM, 0);
    socklen_t len = sizeof address;
    if (bind(play.listen_fd, (struct sockaddr *)&address, len) != 0 || listen(play.listen_fd, 4) != 0 ||
        getsockname(play.listen_fd, (struct sockaddr *)&address, &len) != 0)
        return 1;
    play.accept = loop_fd_new(play.loop, play.listen_fd, on_client, NULL);
    loop_fd_read(play.accept, true);
    play.stop = loop_timer_new(play.loop, on_stop, NULL);
    loop_timer_set(play.stop, 3000);
    char url[64];
    snprintf(url, sizeof url, "redis://127.0.0.1:%d/0", ntohs(address.sin_port));
    struct redis_options options = {.url = url,
                                    .connect_timeout_ms = 500,
                                    .command_timeout_ms = 50,
                                    .reconnect_ms_max = 200,
                                    .pending_max = 3,
                                    .scripts = loaded,
                                    .script_count = loaded_count,
                                    .on_state = on_state};
    struct err err;
    return !redis_open(play.loop, &options, &play.redis, &err);
}

static int play_begin_with_script(void **state)
{
    redis_script_init(&script);
    loaded_count = 1;
    int failed = play_begin(state);
    loaded_count = 0;
    return failed;
}

static int play_end(void **state)
{
    (void)state;
    redis_close(play.redis);
    loop_fd_free(play.accept);
    loop_fd_free(play.watch);
    loop_timer_free(play.stop);
    loop_free(play.loop);
    close(play.listen_fd);
    if (play.fd >= 0)
        close(play.fd);
    return 0;
}

static bool send_words(const char *first, redis_fn fn)
{
    const struct redis_arg args[] = {{first, strlen(first)}, {"k", 1}};
    return redis_send(play.redis, args, 2, fn, NULL);
}

static void up_eval(void)
{
    const struct redis_arg args[] = {{"k", 1}};
    assert_true(redis_eval(play.redis, &script, args, 1, 1, on_final, NULL));
}

static void test_answers_to_something_else_are_no_connection(void **state)
{
    (void)state;
    when_up = NULL;
    loop_run(play.loop);
    assert_int_equal(play.ups, 0);
    assert_int_equal(play.downs, 1);
}

static void test_noscript_sends_the_text(void **state)
{
    (void)state;
    redis_script_init(&script);
    assert_false(send_words("GET", on_reply)); /* not up yet */
    when_up = up_eval;
    loop_run(play.loop);
    assert_string_equal(play.seen, "sha text ");
    assert_int_equal(play.answers, 1);
    assert_int_equal(redis_pending(play.redis), 0);
}

static void up_three(void)
{
    play.mute = true;
    for (int i = 0; i < 3; i++)
        assert_true(send_words("GET", on_reply));
    assert_false(send_words("GET", on_reply)); /* pending_max */
}

static void test_silence_answers_null_to_all(void **state)
{
    (void)state;
    when_up = up_three;
    loop_run(play.loop);
    assert_int_equal(play.nulls, 3);
    assert_int_equal(play.answers, 0);
    assert_int_equal(play.downs, 1);
    assert_false(redis_up(play.redis));
    assert_string_equal(redis_run_id(play.redis), "");
}

static void up_set(void)
{
    if (play.ups == 1)
        assert_true(send_words("SET", on_reply));
    else
        loop_stop(play.loop);
}

static void test_readonly_drops_the_connection(void **state)
{
    (void)state;
    when_up = up_set;
    loop_run(play.loop);
    assert_int_equal(play.errors, 1);
    assert_int_equal(play.downs, 1);
}

static void on_reply_close(const struct redis_reply *reply, void *arg)
{
    on_reply(reply, arg);
    redis_close(play.redis); /* inside a callback, with two more in flight */
    loop_stop(play.loop);
}

static void up_close(void)
{
    assert_true(send_words("GET", on_reply_close));
    assert_true(send_words("ECHO", on_reply));
    assert_true(send_words("ECHO", on_reply));
}

static void test_close_inside_a_callback(void **state)
{
    (void)state;
    when_up = up_close;
    loop_run(play.loop);
    assert_int_equal(play.answers, 1);
    assert_int_equal(play.nulls, 2);
    play.redis = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha1),
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_info),
        cmocka_unit_test(test_replies),
        cmocka_unit_test_setup_teardown(test_answers_to_something_else_are_no_connection, play_begin_with_script,
                                        play_end),
        cmocka_unit_test_setup_teardown(test_noscript_sends_the_text, play_begin, play_end),
        cmocka_unit_test_setup_teardown(test_silence_answers_null_to_all, play_begin, play_end),
        cmocka_unit_test_setup_teardown(test_readonly_drops_the_connection, play_begin, play_end),
        cmocka_unit_test_setup_teardown(test_close_inside_a_callback, play_begin, play_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
