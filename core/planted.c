#include "core/planted.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_once_t asked_once = PTHREAD_ONCE_INIT;
static const char *chosen; /* NULL: none */

static void ask_environment(void)
{
    const char *name = getenv("WEIR_PLANTED");
    if (name == NULL || *name == '\0')
        return;
    chosen = name;
    fprintf(stderr, "planted bug %s\n", name);
}

bool planted_is(const char *name)
{
    pthread_once(&asked_once, ask_environment);
    return chosen != NULL && strcmp(chosen, name) == 0;
}

void planted_choose(const char *name)
{
    pthread_once(&asked_once, ask_environment);
    chosen = name;
}
