/* One direction of a connection: what is read, what becomes of it by the fault that holds, and what is written. Each
 * function may find that the connection has to be reset; it is then dead. */
#ifndef WEIR_PROXY_FLOW_H
#define WEIR_PROXY_FLOW_H

#include "tests/support/proxy/conn.h"

void flow_read(struct conn *conn, enum direction direction, int64_t now_us); /* one read, after its event */
void flow_drain(struct conn *conn, enum direction direction,
                int64_t now_us);                              /* writes, drops or keeps what is queued */
void flow_close(struct conn *conn, enum direction direction); /* passes the end of stream on */
bool flow_is_over(const struct flow *flow);
/* When it can go on by time alone; INT64_MAX: not by time. */
int64_t flow_wakes_us(const struct conn *conn, enum direction direction);

#endif
