/* What the stock's scripts answered, read out of a reply. An answer that is not one of the script's is as good as none:
 * it never becomes a unit that is held. Pure: the reply is handed in; NULL and error replies are no answers. */
#ifndef WEIR_INGEST_STOCK_ANSWER_H
#define WEIR_INGEST_STOCK_ANSWER_H

#include "ingest/grab_flow.h"
#include "ingest/stock_batch.h"

/* RESERVE, for each of the group's items: RESERVE_CLOSED for an empty list, RESERVE_NO_ANSWER for what is not sound. */
void stock_answer_reserve(const struct stock_group *group, const struct redis_reply *reply,
                          struct reserve_answer ret_answers[STOCK_GROUP_ITEMS_MAX]);
/* SETTLE, CONFIRM and RELEASE, for each of the group's items; answers how many held. */
size_t stock_answer_held(const struct stock_group *group, const struct redis_reply *reply,
                         enum confirm_result ret_results[STOCK_GROUP_ITEMS_MAX]);

#endif
