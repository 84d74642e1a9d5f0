/* Finding a row by its name, and the nearest one to a name that is wrong. */
#include "core/config_parts.h"

#include <string.h>

const struct setting *config_row_find(const struct config_program *program, const char *name)
{
    for (size_t at = 0; at < program->row_count; at++)
        if (strcmp(program->rows[at].name, name) == 0)
            return &program->rows[at];
    return NULL;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance by Wagner and Fischer (1974), one row of the matrix at a time. */
size_t config_distance(const char *a, const char *b)
{
    size_t a_len = strnlen(a, CONFIG_NAME_BYTES_MAX), b_len = strnlen(b, CONFIG_NAME_BYTES_MAX);
    size_t row[CONFIG_NAME_BYTES_MAX + 1];
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            row[j] = least(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[b_len];
}

const char *config_nearest(const struct config_program *program, const char *name)
{
    const char *nearest = program->rows[0].name;
    size_t least_far = SIZE_MAX;
    for (size_t at = 0; at < program->row_count; at++) {
        size_t far = config_distance(program->rows[at].name, name);
        if (far < least_far) {
            least_far = far;
            nearest = program->rows[at].name;
        }
    }
    return nearest;
}
