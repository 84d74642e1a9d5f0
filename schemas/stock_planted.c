/* Mistakes that a test build can plant in the scripts: one passage replaced by another (core/planted.h). A passage that
 * is not there exactly once, because its script was changed, ends the process: a bug that is not planted would be taken
 * for one that was not found. */
#include "schemas/stock_parts.h"

#include "core/planted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef WEIR_PLANTED_BUGS

struct planted_passage {
    const char *planted;
    enum stock_script script;
    const char *find;
    const char *replace;
};

static const struct planted_passage passages[] = {
    {.planted = "pending_kept_by_rebuild",
     .script = STOCK_BUILDING,
     .find = "redis.call('UNLINK', MARK, STOCK, CLAIMS, PENDING)",
     .replace = "redis.call('UNLINK', MARK, STOCK, CLAIMS)"},
    {.planted = "confirm_looks_at_grab_alone",
     .script = STOCK_SETTLE,
     .find = "local same = valid(mark) and mark[2] == ARGV[3]",
     .replace = "local same = true"},
    {.planted = "release_of_shown",
     .script = STOCK_RELEASE,
     .find = "state == 'P' and shown == '0'",
     .replace = "state == 'P'"},
    {.planted = "restock_by_incrby",
     .script = STOCK_CARRY,
     .find = "'total', more > 0 and ARGV[4] or mark[5], ",
     .replace = ""},
    {.planted = "limit_after_decrement",
     .script = STOCK_RESERVE,
     .find = "  if count >= limit then return LIMIT_REACHED, '' end\n"
             "  if left <= 0 then return OUT_OF_STOCK, '' end\n"
             "  redis.call('HINCRBY', STOCK, 'left', -1)\n"
             "  left = left - 1\n",
     .replace = "  if left <= 0 then return OUT_OF_STOCK, '' end\n"
                "  redis.call('HINCRBY', STOCK, 'left', -1)\n"
                "  left = left - 1\n"
                "  if count >= limit then return LIMIT_REACHED, '' end\n"},
};

static char *replaced(const char *text, const struct planted_passage *passage)
{
    const char *at = strstr(text, passage->find);
    if (at == NULL || strstr(at + 1, passage->find) != NULL) {
        fprintf(stderr, "planted bug %s: its passage is not in script %s exactly once\n", passage->planted,
                stock_script_name(passage->script));
        abort();
    }
    char *whole = NULL;
    if (asprintf(&whole, "%.*s%s%s", (int)(at - text), text, passage->replace, at + strlen(passage->find)) < 0)
        abort();
    return whole;
}

char *stock_planted_text(enum stock_script script, char *text)
{
    for (size_t i = 0; i < sizeof passages / sizeof *passages; i++) {
        if (passages[i].script != script || !planted_is(passages[i].planted))
            continue;
        char *whole = replaced(text, &passages[i]);
        free(text);
        return whole;
    }
    return text;
}

#else

char *stock_planted_text(enum stock_script script, char *text)
{
    (void)script;
    return text;
}

#endif
