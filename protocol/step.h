/* How one step of a keeper's work came out; shared by sweep, rebuild and first open. */
#ifndef WEIR_PROTOCOL_STEP_H
#define WEIR_PROTOCOL_STEP_H

#include <stdint.h>

enum step_outcome {
    STEP_DONE,      /* it holds now */
    STEP_LOST,      /* a compare failed: somebody else is further, or the world has changed */
    STEP_NO_ANSWER, /* it may have happened or not, or may still */
};

/* Half the hold and a margin, by the waiter's own CLOCK_BOOTTIME: every grab that was reserved before the wait began
 * has been answered or is late by then. */
enum { STEP_WAIT_MARGIN_MS = 250 };
static inline int64_t step_wait_ms(int64_t hold_ms)
{
    return hold_ms / 2 + STEP_WAIT_MARGIN_MS;
}

#endif
