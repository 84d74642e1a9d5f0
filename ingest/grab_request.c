#include "ingest/grab_request.h"

bool grab_request_from_json(const json_t *object, struct grab_request *ret_request, struct request_fault *fault)
{
    static const struct number_field user = {.name = "user_id", .min = 1, .max = INT64_MAX, .required = true};
    static const struct number_field coupon = {.name = "coupon_id", .min = 1, .max = INT64_MAX, .required = true};
    static const struct number_field room = {.name = "room_id", .min = 0, .max = UINT32_MAX};
    if (!json_is_object(object))
        return request_fault_set(fault, 422, "bad_field", "A grab must be a JSON object.");
    struct grab_request request = {0};
    uint64_t room_id = 0;
    if (!request_number(object, &user, &request.user_id, NULL, fault) ||
        !request_number(object, &coupon, &request.coupon_id, NULL, fault) ||
        !request_number(object, &room, &room_id, &request.room_given, fault))
        return false;
    request.room_id = (uint32_t)room_id;
    *ret_request = request;
    return true;
}

bool grab_request_parse(const char *body, size_t len, struct grab_request *ret_request, struct request_fault *fault)
{
    json_t *root = request_json(body, len, fault);
    if (root == NULL)
        return false;
    bool good = grab_request_from_json(root, ret_request, fault);
    json_decref(root);
    return good;
}
