/* See fault.h. Each number is one row of a table; parsing, rendering and --help agree by it. */
#include "tests/support/proxy/fault.h"
#include "core/http.h" /* http_decode: percent-escapes are the same everywhere */

#include <stdlib.h>
#include <string.h>

const char *const fault_kind_names[FAULT_KINDS] = {
    [FAULT_DELAY] = "delay",     [FAULT_THROTTLE] = "throttle", [FAULT_BLACK_HOLE] = "black_hole",
    [FAULT_HOLD] = "hold",       [FAULT_REJECT] = "reject",     [FAULT_CUT] = "cut",
    [FAULT_SWALLOW] = "swallow", [FAULT_RESET] = "reset",       [FAULT_HALF_CLOSE] = "half_close",
};

const char fault_help[] =
    "  delay_ms=N       each byte comes N ms later (at most 60000)\n"
    "  bytes_per_s=N    no more than that\n"
    "  black_hole=1     bytes and ends of stream vanish; the connection stays. Healed, such a connection is reset: a "
    "TCP stream has no holes\n"
    "  hold=1           bytes and ends of stream wait for the healing, as in a partition that ends before TCP gives "
    "up\n"
    "  cut_after=N      reset after N more bytes of each connection\n"
    "  cut_request=N    N requests are delivered up to what match says, and no further: reset behind it\n"
    "  refuse=1         new connections are refused          reject=1   new connections are accepted and reset\n"
    "  swallow=N|all    N requests are delivered and their answers swallowed (and whatever else the server says on "
    "that connection)\n"
    "  match=TEXT       ... of cut_request and swallow: only requests that hold TEXT (percent-encoded)\n"
    "  then=silent|cut  ... then the connection keeps silent (default), or is reset when the answer comes\n"
    "  direction=up|down|both   of delay_ms, bytes_per_s, black_hole, hold and cut_after (default both); up is towards "
    "the server\n";

static const struct number_row {
    const char *name;
    size_t offset;
    uint64_t max;
    bool directed; /* one number a direction */
} numbers[] = {
    {"delay_ms", offsetof(struct fault, delay_ms), 60000, true},
    {"bytes_per_s", offsetof(struct fault, bytes_per_s), UINT32_MAX, true},
    {"black_hole", offsetof(struct fault, black_hole), 1, true},
    {"hold", offsetof(struct fault, hold), 1, true},
    {"cut_after", offsetof(struct fault, cut_after), UINT32_MAX, true},
    {"cut_request", offsetof(struct fault, cut_request), UINT32_MAX, false},
    {"refuse", offsetof(struct fault, refuse), 1, false},
    {"reject", offsetof(struct fault, reject), 1, false},
};
enum { NUMBERS = sizeof numbers / sizeof *numbers, WORDS_MAX = 16 };

static uint64_t *number_at(struct fault *fault, const struct number_row *row)
{
    return (uint64_t *)((char *)fault + row->offset);
}

static bool number_parse(const char *text, uint64_t max, uint64_t *ret_number)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    const uint64_t number = strtoull(text, &end, 10);
    if (*end || number > max)
        return false;
    *ret_number = number;
    return true;
}

bool direction_parse(const char *text, enum direction *ret_direction)
{
    const bool up = strcmp(text, "up") == 0;
    if (!up && strcmp(text, "down") != 0)
        return false;
    *ret_direction = up ? UP : DOWN;
    return true;
}

struct words {
    char *name[WORDS_MAX], *value[WORDS_MAX];
    size_t count;
    bool in[DIRECTIONS];
};

static bool words_direction(struct words *words, const char *text, struct err *err)
{
    enum direction one;
    words->in[UP] = words->in[DOWN] = strcmp(text, "both") == 0;
    if (words->in[UP])
        return true;
    if (!direction_parse(text, &one))
        return err_set(err, ERR_USAGE, "direction must be up, down or both, not \"%.40s\"", text);
    words->in[one] = true;
    return true;
}

static bool words_split(char *text, struct words *words, struct err *err)
{
    char *rest = text;
    *words = (struct words){.in = {true, true}};
    for (char *word; (word = strsep(&rest, " "));) {
        char *sign = strchr(word, '=');
        if (!*word)
            continue;
        if (!sign || words->count == WORDS_MAX)
            return err_set(err, ERR_USAGE, "\"%.60s\" is not one of at most %d words of the form name=value", word,
                           WORDS_MAX);
        *sign = '\0';
        if (strcmp(word, "direction") == 0) {
            if (!words_direction(words, sign + 1, err))
                return false;
            continue;
        }
        words->name[words->count] = word;
        words->value[words->count++] = sign + 1;
    }
    return words->count > 0 || err_set(err, ERR_USAGE, "no fault was named");
}

static bool match_parse(struct fault *fault, char *value, struct err *err)
{
    const long len = http_decode(value, strlen(value), false);
    if (len < 1 || len > FAULT_MATCH_BYTES_MAX)
        return err_set(err, ERR_USAGE, "match must be 1 to %d bytes, percent-encoded", FAULT_MATCH_BYTES_MAX);
    memcpy(fault->match, value, (size_t)len);
    fault->match_len = (size_t)len;
    return true;
}

static bool then_parse(struct fault *fault, const char *value, struct err *err)
{
    fault->swallow_cut = strcmp(value, "cut") == 0;
    return fault->swallow_cut || strcmp(value, "silent") == 0 ||
           err_set(err, ERR_USAGE, "then must be cut or silent, not \"%.40s\"", value);
}

static bool swallow_parse(struct fault *fault, const char *value, struct err *err)
{
    fault->swallow = FAULT_SWALLOW_ALL;
    return strcmp(value, "all") == 0 || number_parse(value, UINT32_MAX, &fault->swallow) ||
           err_set(err, ERR_USAGE, "swallow must be a number of answers or all, not \"%.40s\"", value);
}

static bool number_set(struct fault *fault, const struct words *words, const char *name, const char *value,
                       struct err *err)
{
    uint64_t number;
    for (const struct number_row *row = numbers; row < numbers + NUMBERS; row++) {
        if (strcmp(row->name, name) != 0)
            continue;
        if (!number_parse(value, row->max, &number))
            return err_set(err, ERR_USAGE, "%s must be 0 to %llu, not \"%.40s\"", name, (unsigned long long)row->max,
                           value);
        for (int i = 0; i < (row->directed ? DIRECTIONS : 1); i++)
            if (!row->directed || words->in[i])
                number_at(fault, row)[i] = number;
        return true;
    }
    return err_set(err, ERR_USAGE, "there is no fault \"%.40s\"", name);
}

static bool word_set(struct fault *fault, const struct words *words, size_t at, struct err *err)
{
    const char *name = words->name[at];
    if (strcmp(name, "swallow") == 0)
        return swallow_parse(fault, words->value[at], err);
    if (strcmp(name, "match") == 0)
        return match_parse(fault, words->value[at], err);
    if (strcmp(name, "then") == 0)
        return then_parse(fault, words->value[at], err);
    return number_set(fault, words, name, words->value[at], err);
}

bool fault_parse(char *text, struct fault *fault, struct err *err)
{
    struct words words;
    struct fault next = *fault;
    if (!words_split(text, &words, err))
        return false;
    for (size_t i = 0; i < words.count; i++)
        if (!word_set(&next, &words, i, err))
            return false;
    if (next.cut_request > 0 && next.match_len == 0)
        return err_set(err, ERR_USAGE, "cut_request needs match: where a request is cut");
    *fault = next;
    return true;
}

static void render_number(struct buf *out, const char *name, const uint64_t *number, bool directed)
{
    buf_printf(out, "%s\"%s\":", out->data[out->len - 1] == '{' ? "" : ",", name);
    if (directed)
        buf_printf(out, "{\"up\":%llu,\"down\":%llu}", (unsigned long long)number[UP],
                   (unsigned long long)number[DOWN]);
    else
        buf_append_u64(out, *number);
}

void fault_render(const struct fault *fault, struct buf *out)
{
    struct fault copy = *fault;
    buf_append_char(out, '{');
    for (const struct number_row *row = numbers; row < numbers + NUMBERS; row++) {
        const uint64_t *number = number_at(&copy, row);
        if (number[0] > 0 || (row->directed && number[1] > 0))
            render_number(out, row->name, number, row->directed);
    }
    if (fault->swallow > 0)
        render_number(out, "swallow", &fault->swallow, false);
    buf_append_char(out, '}');
}

bool fault_matches(const struct fault *fault, struct fault_scan *scan, const char *data, size_t len)
{
    char joint[2 * FAULT_MATCH_BYTES_MAX];
    const size_t keep = fault->match_len > 0 ? fault->match_len - 1 : 0;
    if (fault->match_len == 0)
        return len > 0;
    /* across the joint: the tail of what came before, and the begin of this piece */
    const size_t begin = len < keep ? len : keep;
    memcpy(joint, scan->bytes, scan->len);
    memcpy(joint + scan->len, data, begin);
    const bool found = memmem(joint, scan->len + begin, fault->match, fault->match_len) ||
                       memmem(data, len, fault->match, fault->match_len);
    if (len >= keep) {
        memcpy(scan->bytes, data + len - keep, keep);
        scan->len = keep;
    } else {
        const size_t all = scan->len + len, skip = all > keep ? all - keep : 0;
        memcpy(scan->bytes, joint + skip, all - skip);
        scan->len = all - skip;
    }
    return found;
}
