/* Bytes on their way through one direction of a connection: a ring of bounded size, each piece with the time from which
 * it may go on. Pure: reads no clock and no socket.
 *
 * Invariants: the lengths of the pieces add up to `len`; pieces are in order of arrival, and their times never fall.
 */
#ifndef WEIR_PROXY_QUEUE_H
#define WEIR_PROXY_QUEUE_H

#include <stddef.h>
#include <stdint.h>

enum { QUEUE_BYTES_MAX = 128 * 1024, QUEUE_PIECES_MAX = 1024 };

struct queue_piece {
    size_t len;
    int64_t due_us;
};

struct queue {
    struct queue_room {
        struct queue_piece pieces[QUEUE_PIECES_MAX];
        char data[QUEUE_BYTES_MAX];
    } * room; /* owned; NULL while the queue is empty, for most connections are idle */
    size_t head, len;
    size_t first_piece, piece_count;
};

/* The free bytes that lie together, for a read(2); 0 when the queue is full. */
size_t queue_space(struct queue *queue, char **ret_at);
/* `len` bytes were written into that space and may go on from `due_us`. */
void queue_added(struct queue *queue, size_t len, int64_t due_us);
/* The bytes at the front that lie together and whose time has come; 0 when there are none. */
size_t queue_due(const struct queue *queue, int64_t now_us, const char **ret_at);
/* When the first piece may go on; INT64_MAX for an empty queue. */
int64_t queue_next_us(const struct queue *queue);
void queue_take(struct queue *queue, size_t len); /* the first `len` bytes have gone on; gives memory back when empty */
void queue_clear(struct queue *queue);

#endif
