/* What the fuzz targets share: an input is taken apart from its front, and what must hold is asserted.
 *
 * A target is one file, fuzz_NAME.c, with the corpus corpus/NAME. It says at its head what must hold for every input;
 * that nothing crashes, leaks or reads past an end is held by the sanitizers it is built with. Pure: no file, no
 * socket, no clock, and nothing is kept from one input to the next, so that an input alone is a reproduction. */
#ifndef WEIR_TESTS_FUZZ_FUZZ_H
#define WEIR_TESTS_FUZZ_FUZZ_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz_input {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct fuzz_input fuzz_input(const uint8_t *data, size_t size)
{
    return (struct fuzz_input){data, data + size};
}

static inline size_t fuzz_left(const struct fuzz_input *input)
{
    return (size_t)(input->end - input->at);
}

/* 0 when the input is used up. */
static inline uint8_t fuzz_byte(struct fuzz_input *input)
{
    return input->at < input->end ? *input->at++ : 0;
}

/* Small numbers and large ones alike: the first byte says how many bytes follow. */
static inline uint64_t fuzz_number(struct fuzz_input *input)
{
    uint64_t number = 0;
    for (int bytes = fuzz_byte(input) % 9; bytes > 0; bytes--)
        number = number << 8 | fuzz_byte(input);
    return number;
}

/* The rest up to a NUL (which is skipped) or the end, as a NUL-terminated copy of exactly its size; free() it. */
static inline char *fuzz_text(struct fuzz_input *input, size_t *ret_len)
{
    const uint8_t *nul = fuzz_left(input) > 0 ? memchr(input->at, '\0', fuzz_left(input)) : NULL;
    size_t len = nul != NULL ? (size_t)(nul - input->at) : fuzz_left(input);
    char *text = malloc(len + 1);
    assert(text != NULL);
    if (len > 0)
        memcpy(text, input->at, len);
    text[len] = '\0';
    input->at += len + (nul != NULL);
    if (ret_len != NULL)
        *ret_len = len;
    return text;
}

/* A copy of exactly its size, so that a read past the end is seen; not NUL-terminated; free() it. */
static inline char *fuzz_bytes(const uint8_t *data, size_t size)
{
    char *copy = malloc(size > 0 ? size : 1);
    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

#endif
