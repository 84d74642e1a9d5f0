/* A batch is answered when each of its grabs is. Its results are written into slots as they come, and put together at
 * the end. */
#include "ingest/batch_request.h"
#include "ingest/grab_endpoint.h"
#include "ingest/ingest.h"

#include <stdlib.h>

struct batch_call {
    struct http_req *req;
    size_t count;
    size_t open; /* not answered yet; one more while the batch is being started */
    struct buf *result;
};

static void batch_answer(struct batch_call *batch)
{
    struct buf json = {0};
    buf_append_str(&json, "{\"results\":[");
    for (size_t i = 0; i < batch->count; i++) {
        if (i > 0)
            buf_append_char(&json, ',');
        buf_append(&json, batch->result[i].data, batch->result[i].len);
        buf_free(&batch->result[i]);
    }
    buf_printf(&json, "],\"count\":%zu}", batch->count);
    http_respond_json(batch->req, 200, &json);
    buf_free(&json);
    free(batch->result);
    free(batch);
}

static void batch_close_one(struct batch_call *batch)
{
    if (--batch->open == 0)
        batch_answer(batch);
}

static void on_done(const struct grab_outcome *outcome, size_t index, void *arg)
{
    struct batch_call *batch = arg;
    grab_answer_json(outcome, true, &batch->result[index]);
    batch_close_one(batch);
}

static void batch_start(struct batch_call *batch, struct ingest_loop *loop, const struct batch_element *elements,
                        struct grab_input *input)
{
    input->done = on_done;
    input->arg = batch;
    for (size_t i = 0; i < batch->count; i++) {
        input->index = i;
        input->request = elements[i].request;
        if (elements[i].good) {
            grab_flow_start(loop, input);
            continue;
        }
        metric_add(loop->ingest->metrics.invalid, 1);
        batch_fault_json(&elements[i].fault, &batch->result[i]);
        batch_close_one(batch);
    }
    batch_close_one(batch); /* the one for the starting */
}

void batch_endpoint(struct http_req *req, void *arg)
{
    (void)arg;
    struct ingest_loop *loop = http_req_state(req);
    if (!grab_let_in(loop, req))
        return;
    struct text body = http_req_body(req);
    size_t grabs_max = (size_t)loop->ingest->config->batch_grabs_max, count = 0;
    struct grab_input input;
    struct request_fault fault;
    struct batch_element *elements = NULL;
    if (grab_headers_read(req, &input, &fault))
        elements = batch_request_parse(body.data, body.len, grabs_max, &count, &fault);
    if (elements == NULL) {
        fault_respond(req, &fault);
        return;
    }
    struct batch_call *batch = mem_alloc(sizeof *batch);
    *batch = (struct batch_call){.req = req, .count = count, .open = count + 1};
    batch->result = mem_alloc((count > 0 ? count : 1) * sizeof *batch->result);
    batch_start(batch, loop, elements, &input);
    free(elements);
}
