#include "ingest/batch_request.h"

#include <string.h>

static struct batch_element *elements_read(const json_t *grabs, size_t count)
{
    struct batch_element *elements = mem_alloc((count > 0 ? count : 1) * sizeof *elements);
    for (size_t i = 0; i < count; i++) {
        struct batch_element *element = &elements[i];
        element->good = grab_request_from_json(json_array_get(grabs, i), &element->request, &element->fault);
    }
    return elements;
}

static bool grabs_check(const json_t *grabs, size_t grabs_max, struct request_fault *fault)
{
    if (grabs == NULL)
        return request_fault_set(fault, 422, "missing_field", "The field grabs is missing.");
    if (!json_is_array(grabs))
        return request_fault_set(fault, 422, "bad_field", "The field grabs must be a list of grabs.");
    if (json_array_size(grabs) > grabs_max)
        return request_fault_set(fault, 422, "too_many_grabs", "A batch holds at most %zu grabs; this one has %zu.",
                                 grabs_max, json_array_size(grabs));
    return true;
}

struct batch_element *batch_request_parse(const char *body, size_t len, size_t grabs_max, size_t *ret_count,
                                          struct request_fault *fault)
{
    json_t *root = request_json(body, len, fault);
    if (root == NULL)
        return NULL;
    const json_t *grabs = json_object_get(root, "grabs");
    struct batch_element *elements = NULL;
    if (grabs_check(grabs, grabs_max, fault)) {
        *ret_count = json_array_size(grabs);
        elements = elements_read(grabs, *ret_count);
    }
    json_decref(root);
    return elements;
}

void batch_fault_json(const struct request_fault *fault, struct buf *ret_json)
{
    buf_printf(ret_json, "{\"status\":%d,\"success\":false,\"code\":\"%s\",\"detail\":", fault->status, fault->code);
    buf_append_json(ret_json, fault->detail, strlen(fault->detail));
    buf_append_char(ret_json, '}');
}
