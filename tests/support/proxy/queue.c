/* See queue.h. A piece is joined to the one before it when both are due in the same ms, so that the number of pieces is
 * bounded by the delay in ms, whatever the sizes of the reads. */
#include "tests/support/proxy/queue.h"
#include "core/buf.h"

#include <assert.h>
#include <stdlib.h>

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t queue_space(struct queue *queue, char **ret_at)
{
    if (queue->len == QUEUE_BYTES_MAX || queue->piece_count == QUEUE_PIECES_MAX)
        return 0;
    if (!queue->room)
        queue->room = mem_grow(NULL, sizeof *queue->room);
    size_t tail = (queue->head + queue->len) % QUEUE_BYTES_MAX;
    *ret_at = queue->room->data + tail;
    return least(QUEUE_BYTES_MAX - queue->len, QUEUE_BYTES_MAX - tail);
}

static struct queue_piece *piece_at(struct queue *queue, size_t index)
{
    return &queue->room->pieces[(queue->first_piece + index) % QUEUE_PIECES_MAX];
}

void queue_added(struct queue *queue, size_t len, int64_t due_us)
{
    assert(queue->room && queue->len + len <= QUEUE_BYTES_MAX && queue->piece_count < QUEUE_PIECES_MAX);
    struct queue_piece *last = queue->piece_count > 0 ? piece_at(queue, queue->piece_count - 1) : NULL;
    queue->len += len;
    if (last && last->due_us / 1000 >= due_us / 1000) { /* a delay that was made smaller lets nothing overtake */
        last->len += len;
        return;
    }
    queue->piece_count++;
    *piece_at(queue, queue->piece_count - 1) = (struct queue_piece){.len = len, .due_us = due_us};
}

int64_t queue_next_us(const struct queue *queue)
{
    return queue->piece_count == 0 ? INT64_MAX : queue->room->pieces[queue->first_piece].due_us;
}

size_t queue_due(const struct queue *queue, int64_t now_us, const char **ret_at)
{
    if (queue_next_us(queue) > now_us)
        return 0;
    *ret_at = queue->room->data + queue->head;
    return least(queue->room->pieces[queue->first_piece].len, QUEUE_BYTES_MAX - queue->head);
}

void queue_take(struct queue *queue, size_t len)
{
    struct queue_piece *first = piece_at(queue, 0);
    assert(queue->piece_count > 0 && len <= first->len);
    first->len -= len;
    if (first->len == 0) {
        queue->first_piece = (queue->first_piece + 1) % QUEUE_PIECES_MAX;
        queue->piece_count--;
    }
    queue->head = (queue->head + len) % QUEUE_BYTES_MAX;
    queue->len -= len;
    if (queue->len == 0)
        queue_clear(queue);
}

void queue_clear(struct queue *queue)
{
    free(queue->room);
    queue->room = NULL;
    queue->head = queue->len = 0;
    queue->first_piece = queue->piece_count = 0;
}
