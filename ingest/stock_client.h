/* Sends the gathered groups to Redis and hands the answers to the grabs. One redis connection, one loop. */
#ifndef WEIR_INGEST_STOCK_CLIENT_H
#define WEIR_INGEST_STOCK_CLIENT_H

#include "ingest/stock_batch.h"

/* A stock_send_fn; `arg` is the struct ingest_loop. What cannot be sent is answered at once. */
void stock_client_send(struct stock_group *group, void *arg);

#endif
