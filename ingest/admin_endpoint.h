/* POST /admin/coupons and /admin/coupons/{id}/restock|open|close. The write goes to the catalog in the background; then
 * the request waits up to ingest.carry_wait_ms until the keeper has carried it to Redis: 201 or 200, else 202. On the
 * request's loop. */
#ifndef WEIR_INGEST_ADMIN_ENDPOINT_H
#define WEIR_INGEST_ADMIN_ENDPOINT_H

#include "core/http.h"

enum { ADMIN_BODY_BYTES_MAX = 32 * 1024 };

/* Handlers; `arg` is not used. */
void admin_create_endpoint(struct http_req *req, void *arg);
void admin_restock_endpoint(struct http_req *req, void *arg);
void admin_open_endpoint(struct http_req *req, void *arg);
void admin_close_endpoint(struct http_req *req, void *arg);

#endif
