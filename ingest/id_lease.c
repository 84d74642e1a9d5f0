#include "ingest/id_lease.h"

#include "schemas/catalog.h"

struct picked {
    uint32_t node;
    int64_t end_ms;
    bool found;
};

static int64_t cell_i64(const struct value *cell)
{
    return cell->type == VALUE_NULL ? 0 : cell->i64; /* u64 and i64 share their bits */
}

static bool on_lease(const struct value *cells, size_t count, void *arg)
{
    struct picked *picked = arg;
    if (count == 2)
        *picked = (struct picked){.node = (uint32_t)cell_i64(&cells[0]), .end_ms = cell_i64(&cells[1]), .found = true};
    return false;
}

static bool lease_take_in_transaction(struct sql *sql, int64_t covered_ms, int64_t now_ms, int64_t span_ms,
                                      struct id_span *ret_span, struct err *err)
{
    struct picked picked = {0};
    if (!sql_select(sql, sql_lease_pick, NULL, 0, on_lease, &picked, err))
        return false;
    if (!picked.found || picked.node >= ID_NODES)
        return err_set(err, ERR_MISSING, "%s has no free row in leases; run weir init", sql_where(sql));
    struct id_span span;
    if (!id_span_next(picked.node, picked.end_ms, covered_ms, now_ms, span_ms, &span, err))
        return false;
    struct value values[] = {value_i64(span.end_ms), value_u64(span.node)};
    if (!sql_run(sql, sql_lease_take, values, 2, NULL, err) || !sql_commit(sql, err))
        return false;
    *ret_span = span;
    return true;
}

bool id_lease_take(struct sql *sql, int64_t covered_ms, int64_t now_ms, int64_t span_ms, struct id_span *ret_span,
                   struct err *err)
{
    if (!sql_begin(sql, err))
        return false;
    if (lease_take_in_transaction(sql, covered_ms, now_ms, span_ms, ret_span, err))
        return true;
    sql_rollback(sql);
    return false;
}

bool id_lease_give(struct sql *sql, const struct id_span *unused, struct err *err)
{
    struct value values[] = {value_i64(unused->begin_ms), value_u64(unused->node), value_i64(unused->end_ms)};
    return sql_run(sql, sql_lease_give, values, 3, NULL, err);
}
