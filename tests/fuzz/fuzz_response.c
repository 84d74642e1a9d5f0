/* HTTP answers, as the load generator reads them. The first byte is how many bytes come at a time; the rest is what the
 * server sends before it closes.
 *
 * Must hold: however the bytes are cut, the same answer ends at the same byte with the same verdict; what is kept of
 * it stays within its bounds. */
#include "bench/storm/response.h"
#include "tests/fuzz/fuzz.h"

static enum response_progress feed(struct response *r, const uint8_t *data, size_t size, size_t step, size_t *ret_used)
{
    response_reset(r);
    *ret_used = 0;
    while (*ret_used < size) {
        size_t used, len = size - *ret_used < step ? size - *ret_used : step;
        char *piece = fuzz_bytes(data + *ret_used, len);
        enum response_progress progress = response_feed(r, piece, len, &used);
        free(piece);
        assert(used <= len);
        *ret_used += used;
        if (progress != RESPONSE_MORE)
            return progress;
        assert(used == len);
    }
    return response_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct response whole, cut;
    struct fuzz_input input = fuzz_input(data, size);
    size_t step = 1 + fuzz_byte(&input), at_once, in_pieces;
    size_t left = fuzz_left(&input);
    enum response_progress first = feed(&whole, input.at, left, left + 1, &at_once);
    enum response_progress second = feed(&cut, input.at, left, step, &in_pieces);
    assert(first == second && first != RESPONSE_MORE);
    assert(whole.body_len <= RESPONSE_BODY_BYTES_MAX && whole.body_len <= whole.body_bytes);
    assert(memchr(whole.location, '\0', sizeof whole.location) != NULL);
    if (first == RESPONSE_DONE)
        assert(at_once == in_pieces && whole.status == cut.status && whole.keep_alive == cut.keep_alive &&
               whole.body_bytes == cut.body_bytes && memcmp(whole.body, cut.body, whole.body_len) == 0 &&
               strcmp(whole.location, cut.location) == 0);
    return 0;
}
