/* POST /api/coupon/grab and POST /api/coupon/grab/batch: from HTTP to grab_flow and back. On the request's loop. */
#ifndef WEIR_INGEST_GRAB_ENDPOINT_H
#define WEIR_INGEST_GRAB_ENDPOINT_H

#include "core/http.h"
#include "ingest/grab_flow.h"

enum { GRAB_BODY_BYTES_MAX = 16 * 1024, BATCH_BODY_BYTES_MAX = 1024 * 1024, RETRY_AFTER_S = 1 };

void grab_endpoint(struct http_req *req, void *arg); /* handlers; `arg` is not used */
void batch_endpoint(struct http_req *req, void *arg);

/* False: nobody is let in now, and it was answered 429 or 503 with Retry-After, before anything of it was read. */
WEIR_MUST_USE bool grab_let_in(struct ingest_loop *loop, struct http_req *req);
/* What the headers say, for one grab or for each of a batch: start, ids, try key. */
WEIR_MUST_USE bool grab_headers_read(const struct http_req *req, struct grab_input *ret_input,
                                     struct request_fault *fault);
void fault_respond(struct http_req *req, const struct request_fault *fault);

#endif
