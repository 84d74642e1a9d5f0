/* libh2o's differences between 2.2 (library 0.13) and newer ones, in one place. Included by core/http*.c alone, in the
 * place of <h2o.h>. */
#ifndef WEIR_CORE_H2O_COMPAT_H
#define WEIR_CORE_H2O_COMPAT_H

#include <assert.h>
#include <h2o.h>
#include <h2o/http1.h>
#include <string.h>

#if H2O_LIBRARY_VERSION_MINOR >= 15
#define COMPAT_POOL_ALLOC(pool, size) h2o_mem_alloc_pool(pool, char, size)
#define COMPAT_BUFS                   h2o_sendvec_t /* what an output filter is handed */
#else
#define COMPAT_POOL_ALLOC(pool, size) h2o_mem_alloc_pool(pool, size)
#define COMPAT_BUFS                   h2o_iovec_t
#endif

/* Memory that dies with the request; not zeroed. */
static inline char *compat_pool_copy(h2o_mem_pool_t *pool, const void *data, size_t len)
{
    char *copy = COMPAT_POOL_ALLOC(pool, len + 1);
    if (len > 0)
        memcpy(copy, data, len);
    copy[len] = '\0';
    return copy;
}

/* A request's head as it came, from its request line to the empty line; nothing when the request has no body. Only for
 * a handler that was called just now.
 *
 * h2o keeps Content-Length and Transfer-Encoding from handlers, and does not say how many there were (lib/http1.c,
 * init_headers). But until the answer is out, a request lies as a whole at the front of its socket's input, and the body
 * points to its place behind the head. A library that keeps bodies elsewhere ends here, with the first body. */
static inline h2o_iovec_t compat_head_before_body(const h2o_req_t *h2o)
{
    if (h2o->entity.base == NULL)
        return h2o_iovec_init(NULL, 0);
    const h2o_buffer_t *input = h2o->conn->callbacks->get_socket(h2o->conn)->input;
    assert(h2o->entity.base > input->bytes && h2o->entity.base <= input->bytes + input->size);
    return h2o_iovec_init(input->bytes, (size_t)(h2o->entity.base - input->bytes));
}

#endif
