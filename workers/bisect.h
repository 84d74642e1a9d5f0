/* Finds the rows that can never be stored, by asking whether ranges of rows can: about 2 * bad * log2(count) questions.
 * Pure: the question is a function that is handed in (it tries the range in a transaction and rolls back). */
#ifndef WEIR_WORKERS_BISECT_H
#define WEIR_WORKERS_BISECT_H

#include "core/err.h"
#include <stddef.h>

enum bisect_answer {
    BISECT_FITS,    /* every row of the range can be stored */
    BISECT_REFUSED, /* at least one cannot; err says why (it is this row's reason when the range is one row) */
    BISECT_UNKNOWN, /* could not be asked (an outage): the search ends */
};

struct bisect {
    enum bisect_answer (*ask)(size_t first, size_t count, void *arg, struct err *err);
    void (*bad)(size_t row, const struct err *why, void *arg);
    void *arg;
};

/* False: a question could not be asked, err says why; rows that were found until then have been told. Depth is
 * log2(count). */
WEIR_MUST_USE bool bisect_rows(const struct bisect *bisect, size_t first, size_t count, struct err *err);

#endif
