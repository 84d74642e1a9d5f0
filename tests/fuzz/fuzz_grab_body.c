/* The bodies of a grab and of a batch; the input is the body, and of no grab alone when it is too long for one.
 *
 * Must hold: a grab that is taken has its numbers in range, and written out plainly it is the same grab; as the one
 * element of a batch it gets the same verdict; what is refused has a status of a client's fault, a code, and a sentence
 * of its own; the result of a batch's bad element is JSON. */
#include "ingest/batch_request.h"
#include "ingest/grab_endpoint.h"
#include "tests/fuzz/fuzz.h"

#include <inttypes.h>

enum { GRABS_MAX = 1000 }; /* ingest.batch_grabs_max */

static void check_fault(const struct request_fault *fault)
{
    struct buf json = {0};
    assert(fault->status == 400 || fault->status == 422);
    assert(fault->code[0] != '\0' && fault->detail[0] != '\0');
    batch_fault_json(fault, &json);
    json_t *result = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);
    assert(json_integer_value(json_object_get(result, "status")) == fault->status);
    json_decref(result);
    buf_free(&json);
}

static void check_same(const struct grab_request *a, const struct grab_request *b)
{
    assert(a->user_id == b->user_id && a->coupon_id == b->coupon_id);
    assert(a->room_id == b->room_id && a->room_given == b->room_given);
}

static void check_grab(const struct grab_request *grab)
{
    struct grab_request again;
    struct request_fault fault = {0};
    struct buf json = {0};
    assert(grab->user_id >= 1 && grab->user_id <= INT64_MAX && grab->coupon_id >= 1 && grab->coupon_id <= INT64_MAX);
    assert(grab->room_given || grab->room_id == 0);
    buf_printf(&json, "{\"coupon_id\":%" PRIu64 ",\"user_id\":\"%" PRIu64 "\"", grab->coupon_id, grab->user_id);
    if (grab->room_given)
        buf_printf(&json, ",\"room_id\":%" PRIu32, grab->room_id);
    buf_append_char(&json, '}');
    assert(grab_request_parse(json.data, json.len, &again, &fault));
    check_same(grab, &again);
    buf_free(&json);
}

static void check_batch(const char *body, size_t len, size_t grabs_max, const struct grab_request *only)
{
    struct request_fault fault = {0};
    size_t count = SIZE_MAX;
    struct batch_element *elements = batch_request_parse(body, len, grabs_max, &count, &fault);
    if (elements == NULL)
        check_fault(&fault);
    assert(elements != NULL ? count <= grabs_max : only == NULL);
    if (only != NULL)
        assert(count == 1 && elements[0].good);
    for (size_t i = 0; elements != NULL && i < count; i++)
        elements[i].good ? check_grab(&elements[i].request) : check_fault(&elements[i].fault);
    if (only != NULL)
        check_same(&elements[0].request, only);
    free(elements);
}

static void check_alone(const char *body, size_t len)
{
    struct grab_request grab;
    struct request_fault fault = {0};
    struct buf wrapped = {0};
    if (!grab_request_parse(body, len, &grab, &fault)) {
        check_fault(&fault);
        return;
    }
    check_grab(&grab);
    buf_append_str(&wrapped, "{\"grabs\":[");
    buf_append(&wrapped, body, len);
    buf_append_str(&wrapped, "]}");
    check_batch(wrapped.data, wrapped.len, 1, &grab);
    buf_free(&wrapped);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *body = fuzz_bytes(data, size);
    if (size <= GRAB_BODY_BYTES_MAX)
        check_alone(body, size);
    check_batch(body, size, GRABS_MAX, NULL);
    free(body);
    return 0;
}
