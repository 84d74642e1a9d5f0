/* The body of a batch: {"grabs": [ ... ]}, and one result for each, in order. Pure. */
#ifndef WEIR_INGEST_BATCH_REQUEST_H
#define WEIR_INGEST_BATCH_REQUEST_H

#include "core/buf.h"
#include "ingest/grab_request.h"

struct batch_element {
    bool good;
    struct grab_request request; /* when good */
    struct request_fault fault;  /* when not: its own result, the others go on */
};

/* An array of `*ret_count` elements, free() by the caller; NULL with the fault: the batch as a whole cannot be read
 * (400), has no list of grabs, or more than `grabs_max` (422). An empty list is a batch of none. */
WEIR_MUST_USE struct batch_element *batch_request_parse(const char *body, size_t len, size_t grabs_max,
                                                        size_t *ret_count, struct request_fault *fault);
/* Appends the result of an element that is not good. */
void batch_fault_json(const struct request_fault *fault, struct buf *ret_json);

#endif
