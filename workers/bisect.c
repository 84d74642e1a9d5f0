#include "workers/bisect.h"

bool bisect_rows(const struct bisect *bisect, size_t first, size_t count, struct err *err)
{
    if (count == 0)
        return true;
    const enum bisect_answer answer = bisect->ask(first, count, bisect->arg, err);
    if (answer != BISECT_REFUSED)
        return answer == BISECT_FITS;
    if (count == 1) {
        bisect->bad(first, err, bisect->arg);
        return true;
    }
    const size_t half = count / 2;
    return bisect_rows(bisect, first, half, err) && bisect_rows(bisect, first + half, count - half, err);
}
