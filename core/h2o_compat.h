/* libh2o's differences between 2.2 (library 0.13) and newer ones, in one place. Included by core/http*.c alone, in the
 * place of <h2o.h>. */
#ifndef WEIR_CORE_H2O_COMPAT_H
#define WEIR_CORE_H2O_COMPAT_H

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

#endif
