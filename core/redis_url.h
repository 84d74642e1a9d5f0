/* redis://[user][:password]@host[:port][/db], taken apart. Pure. */
#ifndef WEIR_CORE_REDIS_URL_H
#define WEIR_CORE_REDIS_URL_H

#include "core/err.h"

enum { REDIS_PORT = 6379 };

struct redis_url {
    char host[256];
    int port;
    int db;
    char user[128];     /* "" when not given */
    char password[512]; /* "" when not given */
};

/* Errors: ERR_USAGE, without the password in the sentence. */
WEIR_MUST_USE bool redis_url_parse(const char *text, struct redis_url *ret_url, struct err *err);

#endif
