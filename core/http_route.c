/* Routes are few and the hot ones come first, so they are compared one after the other. */
#include "core/http_route.h"
#include <string.h>

static bool text_is(struct text text, const char *word)
{
    return strlen(word) == text.len && memcmp(text.data, word, text.len) == 0;
}

static struct text skip_authority(struct text target)
{
    static const char scheme[] = "http://";
    size_t len = sizeof scheme - 1;
    if (target.len < len || memcmp(target.data, scheme, len) != 0)
        return target;
    const char *slash = memchr(target.data + len, '/', target.len - len);
    if (slash == NULL)
        return (struct text){"/", 1};
    return (struct text){slash, target.len - (size_t)(slash - target.data)};
}

struct http_target http_target_split(struct text target)
{
    target = skip_authority(target);
    const char *mark = target.len == 0 ? NULL : memchr(target.data, '?', target.len);
    if (mark == NULL)
        return (struct http_target){.path = target, .query = {"", 0}};
    size_t path_len = (size_t)(mark - target.data);
    return (struct http_target){.path = {target.data, path_len}, .query = {mark + 1, target.len - path_len - 1}};
}

bool http_path_match(const char *pattern, struct text path, struct text ret_params[HTTP_PARAMS_MAX])
{
    size_t at = 0;
    int count = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (at == path.len || path.data[at++] != *pattern++)
                return false;
            continue;
        }
        size_t begin = at;
        while (at < path.len && path.data[at] != '/')
            at++;
        if (at == begin || count == HTTP_PARAMS_MAX)
            return false;
        ret_params[count++] = (struct text){path.data + begin, at - begin};
        pattern = strchr(pattern, '}') + 1; /* http_start has looked that there is one */
    }
    return at == path.len;
}

static int brace_count(const char *pattern)
{
    int count = 0;
    for (; *pattern != '\0'; pattern++)
        count += *pattern == '{';
    return count;
}

static void allow_add(char *allow, const char *method)
{
    size_t len = strlen(allow);
    size_t more = strlen(method);
    if (len + more + 3 > HTTP_ALLOW_BYTES_MAX || strstr(allow, method) != NULL)
        return;
    if (len > 0) {
        memcpy(allow + len, ", ", 3);
        len += 2;
    }
    memcpy(allow + len, method, more + 1);
}

void http_route_find(const struct http_route *routes, size_t count, struct text method, struct text path,
                     struct http_match *ret_match)
{
    *ret_match = (struct http_match){.head = text_is(method, "HEAD")};
    struct text wanted = ret_match->head ? (struct text){"GET", 3} : method;
    for (size_t i = 0; i < count; i++) {
        if (!http_path_match(routes[i].path, path, ret_match->params))
            continue;
        ret_match->path_known = true;
        if (text_is(wanted, routes[i].method)) {
            ret_match->route = &routes[i];
            ret_match->param_count = brace_count(routes[i].path);
            return;
        }
        allow_add(ret_match->allow, routes[i].method);
        if (strcmp(routes[i].method, "GET") == 0)
            allow_add(ret_match->allow, "HEAD");
    }
}
