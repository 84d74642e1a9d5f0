/* Planted bugs: mistakes that a test build can make on purpose, one at a time, so that it can be shown that the checks
 * find them. Nothing that checks may ask here.
 *
 *     if (PLANTED("release_of_shown")) ...          WEIR_PLANTED=release_of_shown makes that mistake from then on
 *
 * Compiled only with WEIR_PLANTED_BUGS; without it PLANTED is false and nobody reads WEIR_PLANTED. tests/planted.txt
 * lists them all; a test holds the list against the source.
 */
#ifndef WEIR_CORE_PLANTED_H
#define WEIR_CORE_PLANTED_H

#include <stdbool.h>

/* Whether this mistake is to be made: chosen by planted_choose, else by WEIR_PLANTED. Any thread. The first question
 * writes "planted bug NAME" to stderr when one is chosen. */
bool planted_is(const char *name);
/* For a process that tries one after the other; NULL: none. `name` is borrowed. Not while other threads run. */
void planted_choose(const char *name);

#ifdef WEIR_PLANTED_BUGS
#define PLANTED(name) planted_is(name)
#else
#define PLANTED(name) false
#endif

#endif
