/* Rows as JSON objects by the column table, and the ordered merge of several lists of them. Pure.
 *
 * A row becomes JSON where it is read (on a shard's thread); what is merged afterwards are ids and pieces of text.
 */
#ifndef WEIR_QUERY_ROWS_H
#define WEIR_QUERY_ROWS_H

#include "core/buf.h"
#include "schemas/stream.h"

struct row_ref {
    uint64_t id;
    size_t at;  /* in the list's text */
    size_t len; /* bytes */
};

/* Newest (highest id) first: whoever adds keeps that order. */
struct row_list {
    struct buf text;
    struct row_ref *row;
    size_t count;
    size_t cap;
};

/* Appends `"name":value,…` of the cells of the stream's row columns, without braces; `skip` (may be NULL) is left
 * out. */
void row_append_json(const struct stream *stream, const struct value *cells, size_t count, const char *skip,
                     struct buf *ret_json);
/* Adds one row from its cells. False: the cells are not the stream's row columns, or its id column holds no id. */
WEIR_MUST_USE bool row_list_add(struct row_list *list, const struct stream *stream, const struct value *cells,
                                size_t count);
void row_list_clear(struct row_list *list); /* memory is kept */
void row_list_free(struct row_list *list);  /* back to {0} */

enum { MERGE_LISTS_MAX = 1024 };
/* Hands out up to `limit` rows of all lists, highest id first; of equal ids the earlier list's comes first. Answers how
 * many. */
size_t rows_merge(const struct row_list *const *lists, size_t count, size_t limit,
                  void (*fn)(const struct row_list *list, const struct row_ref *row, void *arg), void *arg);

#endif
